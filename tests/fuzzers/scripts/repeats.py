"""Blocks begun and ended by hand, repeats, sizes, alignment, and an encoder."""

from boofuzz import *


def hexed(data):
    return data.hex().encode()


session = Session(target=Target(connection=TCPSocketConnection("127.0.0.1", 99)), receive_data_after_fuzz=True)

for verb in ("PUT", "ADD", "CUT"):
    s_initialize(verb.lower())
    s_static(verb)
    s_delim(" ", fuzzable=False)
    if s_block_start("list", encoder=hexed):
        if s_block_start("items"):
            s_byte(0x31, name="item-" + verb)
            s_word(7, endian=">", name="amount")
        s_block_end("items")
        s_repeat("items", min_reps=0, max_reps=4, name="more")
        s_size("items", length=1, name="count")
    s_block_end("list")
    s_static("\n")
    session.connect(s_get(verb.lower()))
session.fuzz()
