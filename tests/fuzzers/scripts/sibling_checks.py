seen = []


def is_fine(answer):
    seen.append(answer)
    return not answer.startswith(b"ODD")
