"""A few cases of each section of benchmarks/faults.py; the program itself tries them all."""

import pytest

from tests.support.attacks import Attacks, attack

TASK = "quantile_forecasting"
# A kill in the middle of each kind of write, a refusal of each kind, a damage of each kind of file.
CHOSEN = "|".join(
    (
        "^kills/.*from-0$",
        "^writes/.*kill at changes of the run/os.rename (model|checkpoints/step-00000001|summary.json) ",
        "^writes/.*torn at changes of the run/serialize .*step-00000002/optimizer",
        "^writes/.*kill at changes of the cache/os.rename ",
        "^writes/.*(ENOSPC|EIO|EROFS).* of the run/(serialize|fsync) .*(staging-model|step-00000001)[^#]*(model|state)",
        "^damage/.*a flipped bit: (the newest|a file of the run).*(state.json|metrics.jsonl) bit flipped at 9",
        "^damage/.*the best checkpoint.*/model.safetensors removed",
        "^signals/.*(SIGTERM/saving|SIGHUP/a step in the middle)$",
        "^signals/.*SIGINT while Python imports/torch",
        "^neighbours/.*three resumes of one run/trial-0",
        "^changes/.*/(learning_rate|seed|logging_steps|quantiles)=",
        "^nan/.*(NaN at one step|NaN always)",
        "^memory/.*torch: (evaluation, any row|in the middle of the update|in predict)",
    )
)
SECTIONS = ("kills", "writes", "damage", "signals", "neighbours", "changes", "nan", "memory")


@pytest.fixture(scope="module")
def attacks(tmp_path_factory: pytest.TempPathFactory) -> Attacks:
    words = ["--sections", *SECTIONS, "--tasks", TASK, "--kills", "3", "--writes", "all", "--flips", "0"]
    return attack(tmp_path_factory.mktemp("attacks"), *words, "--only", CHOSEN)


@pytest.mark.slow
@pytest.mark.parametrize("section", SECTIONS)
def test_a_run_lives_through_a_sample_of_every_kind_of_attack(attacks: Attacks, section: str) -> None:
    assert attacks.of(section), f"no case of {section} was chosen: have their titles changed?"
    assert attacks.failures(section) == []
