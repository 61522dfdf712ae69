"""An emulated F5 BIG-IP on an HTTPS socket: iControl REST and AS3, for trying a control plane out before devices see it.

It behaves as the device is documented to behave, traps and lies included. It is a product of its own: nothing in here may import
`bascule`, so that no mistake is shared with what is tried out on it. Everything it holds is in memory, and on disk when asked.
"""
