"""Data-parallel training of one weight with torch.distributed (gloo), on the hosts that the job describes."""

import json
import os
import socket
import time
from pathlib import Path

import torch
import torch.distributed as dist

ML = Path("/opt/ml")
TRUTH = 3.0


def addresses(hosts: list[str]) -> list[str]:
    """The hosts' addresses; a name may take a moment to resolve (HAR-04)."""
    found = []
    for host in hosts:
        while True:
            try:
                found.append(socket.gethostbyname(host))
                break
            except OSError:
                time.sleep(0.1)
    return found


def main() -> None:
    resources = json.loads((ML / "input/config/resourceconfig.json").read_text())
    hosts = resources["hosts"]
    rank = hosts.index(resources["current_host"])
    os.environ["GLOO_SOCKET_IFNAME"] = resources["network_interface_name"]
    master = addresses(hosts)[0]
    dist.init_process_group("gloo", init_method=f"tcp://{master}:23456", rank=rank, world_size=len(hosts))
    torch.manual_seed(rank)
    model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(1, 1, bias=False))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(50):
        inputs = torch.randn(32, 1)
        loss = ((model(inputs) - TRUTH * inputs) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    seen = torch.ones(1)
    dist.all_reduce(seen)
    weight = model.module.weight.item()
    print(f"rank {rank} of {dist.get_world_size()}: weight={weight:.4f} loss={loss.item():.6f}", flush=True)
    (ML / f"output/data/{rank}.json").write_text(json.dumps({"seen": seen.item(), "weight": weight}))
    if rank == 0:  # OUT-02: one host writes the model
        torch.save(model.module.state_dict(), ML / "model/model.pt")
    dist.barrier()


main()
