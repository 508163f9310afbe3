"""The peers' own virtual environment: their packages, laid over what the product's environment holds already.

What both need (ONNX Runtime, NumPy, Ray, FastAPI, …) is thereby the same version for all; nothing is installed into `.venv`.
"""

import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

PACKAGES = {
    "litserve": ("litserve==0.2.19",),
    "bentoml": ("bentoml==1.4.40",),
    "torchserve": ("torchserve==0.12.0", "torch-model-archiver==0.12.0"),
}
_TOLD = ("ray", "uvicorn", "fastapi", "litserve", "bentoml", "torchserve", "onnxruntime", "numpy")


def peers_python(folder: Path, peers: Iterable[str]) -> Path:
    """The interpreter of the environment in ``folder``, which is made or completed with what ``peers`` need."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        (site,) = folder.glob("lib/python*/site-packages")
        (site / "_product.pth").write_text(sysconfig.get_path("purelib") + "\n")
    if wanted := [package for peer in peers for package in PACKAGES.get(peer, ())]:
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted], check=True)
    return python


def versions(python: Path) -> str:
    """The versions of what takes part, as ``python`` sees them."""
    code = (
        "import sys; from importlib.metadata import distributions;"
        "found = {d.name: d.version for d in reversed(list(distributions()))};"
        "print(*(f'{name} {found[name]}' for name in sys.argv[1:] if name in found), sep=', ')"
    )
    return subprocess.run([python, "-c", code, *_TOLD], check=True, capture_output=True, text=True).stdout.strip()
