"""The cabinet's wires: ptys, serial ports, TCP and MQTT, each with its pacing and its clock stamps."""
