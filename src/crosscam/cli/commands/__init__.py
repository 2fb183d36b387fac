"""What each command is called with, in words and types; what it does is imported when it is done.

So nothing here takes long to import, and help and completion are quick.
"""
