"""An emulated BLE insulin pump with glucose monitor: firmware, GATT table, benches."""
