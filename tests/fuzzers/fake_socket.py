"""The link as a callback sees it, without a device: what it sent is kept, what it receives is given."""


class FakeSocket:
    def __init__(self, last_received=b"", answers=(), messages=("a",), last_sent=b"sent", mutated=False):
        self.last_received, self.last_sent, self.messages = last_received, last_sent, messages
        self.mutated = mutated
        self.answers, self.sent, self.reopened = list(answers), [], 0

    def send(self, data):
        self.sent.append(data)

    def receive(self):
        answer = self.answers.pop(0) if self.answers else b""
        if isinstance(answer, Exception):
            raise answer
        return answer

    def reopen(self):
        self.reopened += 1
