from boofuzz import *

from sibling_messages import define_all, WORDS


def check(target, fuzz_data_logger, session, sock, *args, **kwargs):
    from sibling_checks import is_fine, seen

    if not is_fine(session.last_recv):
        fuzz_data_logger.log_fail("odd answer %r" % session.last_recv)
    fuzz_data_logger.log_info("%d answers" % len(seen))


session = Session(
    target=Target(connection=SocketConnection("127.0.0.1", 4444, proto="tcp")),
    post_test_case_callbacks=[check],
)
define_all()
with open("sibling_words.txt") as words:
    assert words.read().split() == WORDS
for name in WORDS:
    session.connect(s_get(name))
session.fuzz()
