"""AS3: declarations in, objects on the device and answers out, as version 3.56 gives them."""

VERSION = "3.56.0"
RELEASE = "10"
