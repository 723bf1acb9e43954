"""An HL7 server of python-hl7, as its documentation has it, on a port of this machine: `python3 server.py PORT`."""

import asyncio
import sys

from hl7.mllp import start_hl7_server


async def serve(reader, writer):
    """Acknowledge each message; one that cannot be parsed is dropped."""
    while not writer.is_closing():
        try:
            message = await reader.readmessage()
            writer.writemessage(message.create_ack())
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            break
        except Exception as error:  # noqa: BLE001
            print("dropped:", type(error).__name__, flush=True)
    writer.close()


async def main():
    async with await start_hl7_server(serve, "127.0.0.1", int(sys.argv[1]), encoding="utf-8") as server:
        await server.serve_forever()


asyncio.run(main())
