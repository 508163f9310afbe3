"""LitServe with one inference worker a core, unbatched: on CPU a batch buys nothing and costs latency."""

from typing import Any

import litserve

from bench.contestants.engine import HOST, PORT, ROUTE, WORKERS, Answer, answer, load_engine, setting


class Api(litserve.LitAPI):
    """One engine a worker."""

    def setup(self, device: str) -> None:
        """Load the engine of this worker."""
        self._engine = load_engine()

    def predict(self, email: Any) -> Answer:
        """The answer to one e-mail."""
        return answer(self._engine, [email])[0]


if __name__ == "__main__":
    server = litserve.LitServer(Api(api_path=ROUTE), accelerator="cpu", workers_per_device=setting(WORKERS))
    server.run(host=HOST, port=setting(PORT), log_level="warning", generate_client_file=False)
