"""Drives a server with grpcio (gRPC's C core: an HTTP/2 of its own) and prints one line a case."""

import sys
import threading

import grpc

PREFIX = b"interop/python/"


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number: int, value: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(value)) + value


def number(field_number: int, value: int) -> bytes:
    return varint(field_number << 3) + varint(value)


def identity(message: bytes) -> bytes:
    return message


class Client:
    def __init__(self, target: str, **options: object) -> None:
        limits = [("grpc.max_receive_message_length", 1 << 26)]
        self.channel = grpc.insecure_channel(target, options=limits, **options)

    def call(self, method: str, request: bytes, **more: object) -> bytes:
        path = method if method.startswith("/") else "/etcdserverpb.KV/" + method
        stub = self.channel.unary_unary(path, identity, identity)
        return stub(request, **{"timeout": 20, **more})

    def put(self, key: bytes, value: bytes) -> bytes:
        return self.call("Put", field(1, key) + field(2, value))


def put_and_get(client: Client) -> None:
    client.put(PREFIX + b"a", b"one")
    assert b"one" in client.call("Range", field(1, PREFIX + b"a"))


def error_with_text(client: Client) -> None:
    try:
        client.call("Range", b"")
    except grpc.RpcError as error:
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT, error.code()
        assert error.details() == "etcdserver: key is not provided", error.details()
        return
    raise AssertionError("no error")


def unknown_method(client: Client) -> None:
    try:
        client.call("/etcdserverpb.KV/Nope", b"")
    except grpc.RpcError as error:
        assert error.code() is grpc.StatusCode.UNIMPLEMENTED, error.code()
        expected = "unknown method Nope for service etcdserverpb.KV"
        assert error.details() == expected, error.details()
        return
    raise AssertionError("no error")


def megabyte(client: Client) -> None:
    value = b"x" * (1 << 20)
    client.put(PREFIX + b"large", value)
    assert value in client.call("Range", field(1, PREFIX + b"large"))


def too_large(client: Client) -> None:
    try:
        client.put(PREFIX + b"huge", b"x" * 2_200_000)
    except grpc.RpcError as error:
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED, error.code()
        assert error.details().startswith("grpc: received message larger than max ("), error
        return
    raise AssertionError("no error")


def packed(client: Client) -> None:
    request = field(1, PREFIX + b"large")
    reply = client.call("Range", request, compression=grpc.Compression.Gzip)
    assert len(reply) > 1 << 20


def stream(client: Client) -> None:
    for i in range(100):
        client.put(PREFIX + b"list/%03d" % i, b"v" * 1000)
    stub = client.channel.unary_stream("/etcdserverpb.KV/RangeStream", identity, identity)
    request = field(1, PREFIX + b"list/") + field(2, PREFIX + b"list0")
    pieces = list(stub(request, timeout=20))
    assert sum(piece.count(PREFIX + b"list/") for piece in pieces) == 100
    assert len(pieces) > 1


def many_at_once(client: Client) -> None:
    stub = client.channel.unary_unary("/etcdserverpb.KV/Range", identity, identity)
    request = field(1, PREFIX + b"a")
    futures = [stub.future(request, timeout=20) for _ in range(2000)]
    for future in futures:
        assert b"one" in future.result()


def metadata(client: Client) -> None:
    pairs = (("hasleader", "true"), ("trace-bin", b"\x00\xff"))
    client.call("Range", field(1, PREFIX + b"a"), metadata=pairs)


def cancelled(client: Client) -> None:
    stub = client.channel.unary_unary("/etcdserverpb.KV/Range", identity, identity)
    request = field(1, PREFIX) + field(2, PREFIX[:-1] + b"0")
    for _ in range(200):
        future = stub.future(request, timeout=20)
        threading.Thread(target=future.cancel).start()
    client.call("Range", field(1, PREFIX + b"a"))


def delete(client: Client) -> None:
    client.call("DeleteRange", field(1, PREFIX) + field(2, PREFIX[:-1] + b"0"))
    reply = client.call("Range", field(1, PREFIX + b"a"))
    assert b"one" not in reply


CASES = [
    put_and_get,
    error_with_text,
    unknown_method,
    megabyte,
    too_large,
    packed,
    stream,
    many_at_once,
    metadata,
    cancelled,
    delete,
]


def main() -> int:
    client = Client(sys.argv[1])
    failed = 0
    for case in CASES:
        name = case.__name__.replace("_", " ")
        try:
            case(client)
            print(f"ok {name}")
        except Exception as error:  # pylint: disable=broad-except
            failed += 1
            print(f"FAIL {name}: {error!r}")
    return 1 if failed else 0


sys.exit(main())
