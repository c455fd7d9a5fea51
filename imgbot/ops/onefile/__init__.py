"""The program and its dependencies in one executable file: how it is built, how it starts."""
