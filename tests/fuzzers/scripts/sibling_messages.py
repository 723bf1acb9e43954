from boofuzz import s_initialize, s_static, s_string

WORDS = ["START", "STOP"]
s_initialize("at import")
s_static("AT\n")


def define_all():
    for word in WORDS:
        s_initialize(word)
        s_static(word + " ")
        s_string("now", max_len=24)
        s_static("\n")
