"""The shortest servers that a user would write, for serving.py: predict over REST, nothing else.

python benchmarks/bare_servers.py keras|litert FILE
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import numpy as np
import uvicorn

Draw = Callable[[np.ndarray], np.ndarray]


def keras_model(path: str) -> tuple[Draw, int]:
    import keras

    import ganvas.gan.layers  # noqa: F401 - registers what the file names

    model = keras.models.load_model(path)
    size = model.input["noise"].shape[1]
    return lambda z: np.asarray(model({"noise": z}, training=False)), size


def litert(path: str) -> tuple[Draw, int]:
    from ai_edge_litert.interpreter import Interpreter

    run = Interpreter(path, num_threads=1).get_signature_runner("serving_default")
    size = run.get_input_details()["z"]["shape"][1]
    return lambda z: run(z=z)["images"], size


def main() -> None:
    kind, path = sys.argv[1:]
    draw, size = {"keras": keras_model, "litert": litert}[kind](path)

    async def app(scope, receive, send) -> None:
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            part = await receive()
            body, more = body + part["body"], part.get("more_body", False)
        z = np.array(json.loads(body)["inputs"]["z"], np.float32)
        answer = json.dumps({"outputs": draw(z).tolist()}).encode()
        head = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": answer})

    class Server(uvicorn.Server):
        async def startup(self, sockets=None) -> None:
            await super().startup(sockets)
            port = self.servers[0].sockets[0].getsockname()[1]
            print(f"http://127.0.0.1:{port}#{size} and grpc://-", flush=True)

    Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off")).run()


if __name__ == "__main__":
    main()
