"""The words that services say to each other: broker messages and internal HTTP bodies, defined once.

Everything here is kept for ever: messages outlive the process, and the version, that sent them. Fields are only ever
added, with a default; a field that changes its meaning gets a new name.
"""
