"""Arena: which model backend should do our coding work, and what does it cost?"""

__version__ = "0.1.0"
