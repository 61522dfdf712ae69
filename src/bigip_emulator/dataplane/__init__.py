"""Real traffic: virtual servers on loopback addresses listen through a HAProxy, which also monitors the members.

It reads the configuration of the device and writes what it sees; the rest of the emulator does not know that it is there.
"""
