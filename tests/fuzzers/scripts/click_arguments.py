import click
from boofuzz import *


@click.command()
@click.option("--host", default="127.0.0.1")
@click.option("--port", type=int, required=True)
@click.option("--unit", type=int, default=1, help="which unit of the chain")
@click.argument("verb")
def fuzz(host, port, unit, verb):
    """Reads a unit's registers."""
    click.echo(f"fuzzing {host}:{port}")
    session = Session(target=Target(connection=TCPSocketConnection(host, port)), console_gui=False)
    s_initialize(name="read")
    s_static(f"{verb} {unit} ")
    s_bytes(b"17", name="register", max_len=16)
    s_static("\n")
    session.connect(s_get("read"))
    session.fuzz()


if __name__ == "__main__":
    fuzz()
