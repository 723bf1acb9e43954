"""An emulated BLE blood glucose meter whose firmware holds a Bluetooth LE host stack of its own."""
