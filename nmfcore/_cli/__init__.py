"""The command line, one file a concern; `nmfcore.__main__` is its door.

Nothing is imported here: what a command needs, it imports when it runs.
"""
