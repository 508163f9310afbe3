"""Plain Ray Serve as its documentation shows it: a FastAPI ingress, ``@serve.batch``, and the defaults of both."""

import signal
from typing import Annotated, Any

import ray
from fastapi import Body, FastAPI
from ray import serve

from bench.contestants.engine import HOST, PORT, ROUTE, Answer, answer, load_engine, setting

app = FastAPI()


@serve.deployment
@serve.ingress(app)
class Triage:
    """One engine in one replica."""

    def __init__(self) -> None:
        self._engine = load_engine()

    @serve.batch
    async def _answer(self, emails: list[dict[str, Any]]) -> list[Answer]:
        return answer(self._engine, emails)

    @app.post(ROUTE)
    async def classify(self, email: Annotated[dict[str, Any], Body()]) -> Answer:
        """The answer to one e-mail."""
        return await self._answer(email)


if __name__ == "__main__":
    from bench.contestants.ray_serve import Triage as Deployed  # by its own name: `__main__` travels by value

    ray.init(address="local", include_dashboard=False, log_to_driver=False)
    serve.start(http_options={"host": HOST, "port": setting(PORT)})
    serve.run(Deployed.bind())
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
