"""LiteLLM's Router, used as its documentation does: one a process, `acompletion`, the next model as a fallback."""

from __future__ import annotations

import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # or it would look for its price list in the network

import litellm
from litellm import Router

from benchmarks.compare.calls import body
from benchmarks.compare.drivers.in_memory import Ask, run
from benchmarks.compare.job import Job, given_job


async def opened(job: Job) -> Ask:
    """A router with one deployment a candidate."""
    litellm.suppress_debug_info = True
    names = [f"m{number}" for number, _ in enumerate(job.candidates)]
    router = Router(
        model_list=[
            {
                "model_name": name,
                "litellm_params": {"model": "openai/simulated", "api_base": base, "api_key": "none"},
            }
            for name, base in zip(names, job.candidates, strict=True)
        ],
        fallbacks=[{names[0]: names[1:]}] if len(names) > 1 else [],
        num_retries=0,  # a candidate that has failed is not asked again: the next one is
    )

    async def ask(text: str) -> str | None:
        asked = {name: value for name, value in body(text).items() if name != "model"}
        reply = await router.acompletion(model=names[0], **asked)
        return str(reply.choices[0].message.content)

    return ask


if __name__ == "__main__":
    run(given_job(), opened)
