"""bleak and the radio, both ways: bleak scripts on our radio (`python -m harness.radio.bleak`), a radio on bleak.

`line`, `bearer`, `client`, `scanner` and `advertisement` are a backend that bleak's own classes run on: a user's script
reaches the devices of a running radio, with neither Bumble nor boofuzz in its process. `central` and `translation` are
the other way: the radio process on the desktop's Bluetooth, `adapter = "bleak"`.
"""
