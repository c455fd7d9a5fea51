"""Installs the program as a service of this server, and removes it.

Every way of installing ends in the same: a folder under /opt/imgbot that is a virtual environment
with a copy of what is running now, and a link `current` to it.
"""
