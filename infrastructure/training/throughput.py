"""How fast a run went, and how much of what it computed was of use."""

from domain.progress import Progress
from infrastructure.data.some_rows import spread
from infrastructure.training.batches import Batches
from infrastructure.training.device import peak_memory_bytes
from infrastructure.training.session import Session

STEPS_LOOKED_AT = 8


def throughput_of(progress: Progress, session: Session, batches: Batches) -> dict[str, float]:
    """Give rates, peak memory, and the share of places that are padding, of some steps built once more.

    Rates and the share are those of all ranks together, and memory is that of the rank that took most. There is no such
    share without an `attention_mask`, which says what is no padding.
    """
    ranks = session.parallel.ranks
    facts = {**progress.throughput(), "peak_memory_bytes": ranks.largest(float(peak_memory_bytes(session.device)))}
    steps = spread(progress.step, STEPS_LOOKED_AT).tolist() if progress.step else []
    built = [batches.own(step, progress.micro_batch_size) for step in steps]
    micro_batches = [micro.batch for batch in built for micro in batch.micro_batches]
    masks = [batch["attention_mask"] for batch in micro_batches if "attention_mask" in batch]
    if masks:
        used, computed = ranks.summed(sum(int(mask.sum()) for mask in masks), sum(mask.numel() for mask in masks))
        facts["padding_share"] = 1 - used / computed
    return facts
