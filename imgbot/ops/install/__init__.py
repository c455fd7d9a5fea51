"""Puts the program on a server as a service, and takes it off again.

Every way in ends in the same: a folder under /opt/imgbot that is a virtual environment with a
copy of what is running now, and a link `current` to it.
"""
