"""Started by test_processes.py in two processes: a run, and a run that is stopped and resumed."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from small_runs import Pixel, RandomBatches, SmallGan, optimizers_of, rates_of, run_in, settings

from wildsr.training.errors import Interrupted
from wildsr.training.loop import fit
from wildsr.training.objective import Batch
from wildsr.training.processes import Hardware, start


def main(folder: Path) -> None:
    fabric = start(Hardware("cpu", devices=2, precision="fp32"))
    rank, processes = fabric.global_rank, fabric.world_size
    pixel = Pixel()
    if rank == 1:
        torch.nn.init.ones_(pixel.networks["g"].body[0].weight)  # the first process's weights count
    optimizers = {"g": torch.optim.SGD(pixel.networks["g"].parameters())}
    given = settings(4, accumulate=2)
    fit(
        fabric,
        pixel,
        optimizers,
        {"g": lambda _: 0.1},
        RandomBatches(rank, processes),
        given,
        run_in(folder / "pixel"),
    )

    def stopping(first_step: int) -> Iterator[Batch]:
        for step, batch in enumerate(RandomBatches(rank, processes)(first_step), start=first_step):
            if step == 1 and rank == 1:
                os.kill(os.getpid(), signal.SIGTERM)
            yield batch

    gan = SmallGan()
    try:
        fit(
            fabric,
            gan,
            optimizers_of(gan.networks),
            rates_of(gan.networks),
            stopping,
            settings(4),
            run_in(folder / "gan"),
        )
    except Interrupted as stopped:
        (folder / f"stopped-{rank}").write_text(f"{stopped.signal} {stopped.step}")
    gan = SmallGan()
    images = RandomBatches(rank, processes)
    fit(
        fabric,
        gan,
        optimizers_of(gan.networks),
        rates_of(gan.networks),
        images,
        settings(4),
        run_in(folder / "gan"),
    )
    torch.save(
        {name: network.state_dict() for name, network in gan.networks.items()}, folder / f"rank-{rank}.pt"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
