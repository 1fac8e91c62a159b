"""Runs inside an agent's container: 127.0.0.1 there leads to the gateway, over standard output.

Stands alone, for any Python from 3.9 on. The frames are those of `arena.gateway.tunnel`.
"""

import asyncio
import struct
import sys

READY, OPEN, DATA, CLOSE = range(1, 5)
HEAD = struct.Struct(">BII")
CHUNK = 1 << 16


class Forwarder:
    """Numbers the connections it accepts and carries their bytes in frames."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.open: dict[int, asyncio.StreamWriter] = {}
        self.last = 0

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry what one client sends."""
        self.last += 1
        number = self.last
        self.open[number] = writer
        await self.say(OPEN, number)
        try:
            while data := await reader.read(CHUNK):
                await self.say(DATA, number, data)
        except OSError:
            pass
        if self.open.pop(number, None):
            await self.say(CLOSE, number)
        writer.close()

    async def say(self, kind: int, number: int, data: bytes = b"") -> None:
        """Write one frame."""
        self.writer.write(HEAD.pack(kind, number, len(data)) + data)
        await self.writer.drain()

    async def listen(self) -> None:
        """Hand out what comes back, until the host lets go."""
        while True:
            kind, number, size = HEAD.unpack(await self.reader.readexactly(HEAD.size))
            data = await self.reader.readexactly(size)
            writer = self.open.get(number)
            if writer is None:
                continue
            if kind == DATA:
                writer.write(data)
            else:
                del self.open[number]
                writer.close()


async def main() -> None:
    """Open a port, say which, and forward."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    transport, protocol = await loop.connect_write_pipe(
        asyncio.streams.FlowControlMixin, sys.stdout
    )
    forwarder = Forwarder(reader, asyncio.StreamWriter(transport, protocol, None, loop))
    server = await asyncio.start_server(forwarder.accept, "127.0.0.1", 0, limit=CHUNK)
    await forwarder.say(READY, server.sockets[0].getsockname()[1])
    try:
        await forwarder.listen()
    except asyncio.IncompleteReadError:
        return


if __name__ == "__main__":
    asyncio.run(main())
