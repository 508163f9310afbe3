"""One file or package per outside service, named by its role; what it is backed by is decided in connect.py."""
