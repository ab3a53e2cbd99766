"""TensorZero's gateway within the process, without the database that it would keep its observations in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tensorzero import AsyncTensorZeroGateway

from benchmarks.compare.drivers.in_memory import Ask, run
from benchmarks.compare.job import Job, given_job
from benchmarks.compare.steps import part

CONFIG = """
[gateway]
observability.enabled = false
disable_pseudonymous_usage_analytics = true

[models.simulated]
routing = {names}
"""
PROVIDER = """
[models.simulated.providers.{name}]
type = "openai"
api_base = "{base}"
model_name = "simulated"
api_key_location = "none"
"""


def configured(job: Job) -> Path:
    """The configuration: a model whose providers are the candidates, in order."""
    names = [f"p{number}" for number, _ in enumerate(job.candidates)]
    text = CONFIG.format(names=names)
    for name, base in zip(names, job.candidates, strict=True):
        text += PROVIDER.format(name=name, base=base)
    path = Path(job.folder) / f"tensorzero{part()}.toml"
    path.write_text(text, encoding="utf-8")
    return path


async def opened(job: Job) -> Ask:
    """A gateway in this process."""
    waits: Any = AsyncTensorZeroGateway.build_embedded(config_file=str(configured(job)))
    gateway = await waits

    async def ask(text: str) -> str | None:
        reply = await gateway.inference(
            model_name="simulated",
            input={"messages": [{"role": "user", "content": text}]},
            params={"chat_completion": {"temperature": 0.7, "max_tokens": 256}},
        )
        return str(reply.content[0].text)

    return ask


if __name__ == "__main__":
    run(given_job(), opened)
