"""Finds who answers a request: a dictionary, and on a miss the few paths that have a ``{name}`` in them."""

import re
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

from apps.serving.errors import MethodNotAllowed, RouteNotFound
from apps.serving.http import Reply, Request

Route = Callable[[Request, str], Awaitable[Reply]]
"""Answers a request under its id."""
Routes = Mapping[str, Mapping[str, Route]]
"""By path, as OpenAPI writes it, and method."""

NO_PARAMETERS: Mapping[str, str] = MappingProxyType({})
_NAME = re.compile(r"\\{(\w+)\\}")


class Router:
    """The routes of one service."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes
        self._patterns = [
            (re.compile(_NAME.sub(r"(?P<\1>[^/]+)", re.escape(path))), methods)
            for path, methods in routes.items()
            if "{" in path
        ]

    def find(self, method: str, path: str) -> tuple[Route, Mapping[str, str]]:
        """The route, and the named parts of ``path``; RouteNotFound or MethodNotAllowed."""
        methods, parameters = self._methods_of(path)
        if route := methods.get(method):
            return route, parameters
        raise MethodNotAllowed(f"{path} does not answer {method}", methods)

    def template_of(self, path: str) -> str:
        """The path as OpenAPI writes it, empty where there is none like it."""
        if path in self._routes:
            return path
        patterns = ((template, _NAME.sub("[^/]+", re.escape(template))) for template in self._routes if "{" in template)
        return next((template for template, pattern in patterns if re.fullmatch(pattern, path)), "")

    def methods_of(self, path: str) -> tuple[str, ...]:
        """What ``path`` answers."""
        return tuple(self._methods_of(path)[0])

    def _methods_of(self, path: str) -> tuple[Mapping[str, Route], Mapping[str, str]]:
        if found := self._routes.get(path):
            return found, NO_PARAMETERS
        for pattern, methods in self._patterns:
            if match := pattern.fullmatch(path):
                return methods, match.groupdict()
        raise RouteNotFound(f"there is no {path[:200]}", "/openapi.json names every path")
