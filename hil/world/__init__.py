"""The physics of a cabinet and the words on its wires, stepped with dt: no clock, no port, nothing of the gateway."""
