"""FastAPI under uvicorn, as its documentation shows it: a plain function, which runs on the thread pool."""

from typing import Annotated, Any

from fastapi import Body, FastAPI

from bench.contestants.engine import ROUTE, Answer, answer, load_engine


def create_app() -> FastAPI:
    """The application of one worker process."""
    app, engine = FastAPI(), load_engine()

    @app.post(ROUTE)
    def classify(email: Annotated[dict[str, Any], Body()]) -> Answer:
        return answer(engine, [email])[0]

    return app
