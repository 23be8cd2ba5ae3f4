"""One process of several that torchrun starts: `torchrun -m tests.support.ranks FOLDER`.

Leaves a file of its rank in FOLDER with what it learnt: how many there are, and the sum of all ranks.
"""

import sys
from pathlib import Path

import torch
from torch import distributed


def main() -> None:
    """Meet the others, and add up with them."""
    distributed.init_process_group("gloo")
    rank = torch.tensor(distributed.get_rank())
    total = rank.clone()
    distributed.all_reduce(total)
    Path(sys.argv[1], str(int(rank))).write_text(f"{distributed.get_world_size()} {int(total)}")
    distributed.destroy_process_group()


if __name__ == "__main__":
    main()
