"""The classes that the emulator carries, as tables in the grammar of `shape`. Written from the documentation of the classes."""

from __future__ import annotations

from bigip_emulator.as3.classes import policies, pools, profiles, services, tls
from bigip_emulator.as3.shape import Class

CLASSES: dict[str, Class] = {
    **services.CLASSES,
    **pools.CLASSES,
    **tls.CLASSES,
    **policies.CLASSES,
    **profiles.CLASSES,
}

MODULES = {
    "Firewall_Address_List": "afm, asm",
    "Firewall_Port_List": "afm, asm",
    "Firewall_Rule_List": "afm",
    "Firewall_Policy": "afm",
    "NAT_Policy": "afm",
    "NAT_Source_Translation": "afm",
    "WAF_Policy": "asm",
    "DOS_Profile": "afm, asm",
    "Bot_Defense_Profile": "asm",
    "GSLB_Domain": "gtm",
    "GSLB_Pool": "gtm",
    "GSLB_Server": "gtm",
    "GSLB_Data_Center": "gtm",
    "GSLB_Monitor": "gtm",
    "Access_Profile": "apm",
    "Analytics_Profile": "avr",
    "Enforcement_Policy": "pem",
}
"""Classes of modules that are not provisioned on the emulated device."""
