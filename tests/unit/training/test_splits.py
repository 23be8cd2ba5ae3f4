from collections import Counter

import numpy as np
import pytest

from shared.domain.findings import ViewPosition
from training.splits import FEWEST_PATIENTS, LEAST_SHARE, assign, main, split_of
from training.table import Record, Split, State, read, write


def record(
    patient: int | str, *present: str, dataset="padchest", image="0", split: Split | None = None
) -> Record:
    name = f"{dataset}:{patient}"
    labels = dict.fromkeys(present, State.PRESENT)
    return Record(dataset, f"{patient}-{image}.png", name, f"{name}/1", ViewPosition.PA, labels, split)


def patients_of(records, split, label=None):
    return {r.patient for r in records if r.split is split and (label is None or label in r.labels)}


def hashed(split: Split, dataset="padchest") -> list[int]:
    return [n for n in range(300) if split_of(f"{dataset}:{n}") is split]


def test_patients_go_by_the_hash_of_their_name():
    found = assign([record(number) for number in range(2000)])
    assert all(one.split is split_of(one.patient) for one in found)
    counts = Counter(one.split for one in found)
    assert [counts[split] / 2000 for split in Split] == pytest.approx([0.70, 0.15, 0.15], abs=0.03)


def test_all_images_of_a_patient_are_in_one_part_and_in_their_order():
    records = [record(number, image=str(image)) for image in range(3) for number in range(100)]
    found = assign(records)
    assert [one.image for one in found] == [one.image for one in records]
    assert all(len({o.split for o in found if o.patient == f"padchest:{n}"}) == 1 for n in range(100))


def test_images_and_data_sets_that_are_added_move_nobody_whom_the_hash_placed():
    first = assign([record(number, "Effusion") for number in range(1000)])
    more = [record(number, "Effusion", image="1") for number in range(500, 1500)]
    other = [record(number, "Effusion", dataset="brax") for number in range(1000)]
    both = assign([*more, *other, *(record(number, "Effusion") for number in range(1000))])
    now = {one.patient: one.split for one in both}
    assert all(now[one.patient] is one.split for one in first)


def test_official_splits_stay():
    given = [Split.TRAIN, Split.VALIDATION, Split.TEST]
    records = [record(number, split=given[number % 3]) for number in range(300)]
    assert assign(records) == records


def test_a_part_that_is_not_published_is_taken_out_of_training_by_the_hash():
    records = [record(n, split=Split.TEST if n < 100 else Split.TRAIN, dataset="nih") for n in range(300)]
    found = assign(records)
    assert patients_of(found, Split.TEST) == {f"nih:{n}" for n in range(100)}
    assert patients_of(found, Split.VALIDATION) == {
        f"nih:{n}" for n in hashed(Split.VALIDATION, "nih") if n >= 100
    }


def test_images_outside_of_the_official_split_follow_their_patient():
    records = [record(1, split=Split.TEST), record(1, image="1"), record(2, split=Split.VALIDATION)]
    assert [one.split for one in assign(records)] == [Split.TEST, Split.TEST, Split.VALIDATION]


def test_a_patient_in_several_official_parts_is_kept_in_the_last_and_loses_the_others_images():
    records = [
        record(1, split=Split.TRAIN),
        record(1, image="1", split=Split.TEST),
        record(2, split=Split.TRAIN),
        record(3, image="1", split=Split.VALIDATION),
    ]
    assert [(one.patient, one.split) for one in assign(records)] == [
        ("padchest:1", Split.TEST),
        ("padchest:2", Split.TRAIN),
        ("padchest:3", Split.VALIDATION),
    ]


def test_a_patient_whom_two_data_sets_share_is_where_the_one_with_a_split_says():
    for split in Split:
        plain = record(7, dataset="padchest")
        grounded = Record("padchest_gr", "7.png", plain.patient, plain.study, ViewPosition.PA, {}, split)
        others = [
            Record("padchest_gr", f"o{n}.png", f"padchest:o{n}", "s", ViewPosition.PA, {}, one)
            for n, one in enumerate(Split)
        ]
        assert {one.split for one in assign([plain, grounded, *others]) if one.patient == "padchest:7"} == {
            split
        }


@pytest.mark.parametrize("count", [FEWEST_PATIENTS, 25, 60])
def test_a_label_that_the_hash_left_in_training_only_is_kept_in_every_part(count):
    training = hashed(Split.TRAIN)[:count]
    records = [record(n, *(("Hernia",) if n in training else ())) for n in range(300)]
    found = assign(records)
    for split in (Split.VALIDATION, Split.TEST):
        assert len(patients_of(found, split, "Hernia")) == int(count * LEAST_SHARE)
    moved = {one.patient for one in found if one.split is not split_of(one.patient)}
    assert len(moved) == 2 * int(count * LEAST_SHARE)


def test_a_label_on_fewer_patients_moves_nobody():
    training = hashed(Split.TRAIN)[: FEWEST_PATIENTS - 1]
    found = assign([record(n, *(("Hernia",) if n in training else ())) for n in range(300)])
    assert all(one.split is split_of(one.patient) for one in found)


def test_uncertain_and_absent_labels_are_not_on_a_patient():
    states = {"Hernia": State.UNCERTAIN, "Mass": State.ABSENT}
    records = [
        Record("brax", f"{n}.png", f"brax:{n}", "s", ViewPosition.PA, states)
        for n in hashed(Split.TRAIN, "brax")
    ]
    assert {one.split for one in assign(records)} == {Split.TRAIN}


def test_a_label_is_kept_in_a_part_that_is_taken_out_of_official_training_but_not_in_the_official_test():
    training = [n for n in range(300) if split_of(f"nih:{n}") is not Split.VALIDATION][:40]
    records = [record(n, "Hernia", dataset="nih", split=Split.TRAIN) for n in training]
    records += [record(n, dataset="nih", split=Split.TEST) for n in range(1000, 1050)]
    found = assign(records)
    assert len(patients_of(found, Split.VALIDATION, "Hernia")) == 4
    assert not patients_of(found, Split.TEST, "Hernia")


def test_what_was_assigned_stays_when_it_is_given_again_with_more():
    training = hashed(Split.TRAIN)[:20]
    first = assign([record(n, *(("Hernia",) if n in training else ())) for n in range(300)])
    assert assign(first) == first
    rarer = [record(n, "Hernia", image="1") for n in range(200, 600)]
    again = assign([*first, *rarer])
    assert again[:300] == first
    kept = {one.patient: one.split for one in first}
    assert all(one.split is kept[one.patient] for one in again if one.patient in kept)


def test_every_label_is_in_every_part_of_random_tables():
    generator = np.random.default_rng(3)
    names = ("Effusion", "Mass", "Nodule", "Hernia", "Edema")
    for _ in range(20):
        shares = generator.uniform(0.02, 0.3, len(names))
        start = int(generator.integers(1_000_000))
        records = [
            record(
                start + n,
                *(name for name, share in zip(names, shares, strict=True) if generator.random() < share),
            )
            for n in range(400)
        ]
        found = assign(records)
        for name in names:
            having = {one.patient for one in found if name in one.labels}
            if len(having) >= FEWEST_PATIENTS:
                for split in Split:
                    assert len(patients_of(found, split, name)) >= int(len(having) * LEAST_SHARE)


def test_the_command_puts_tables_together_and_says_how_many_patients_are_where(tmp_path, capsys):
    one, other, out = (tmp_path / f"{name}.parquet" for name in ("one", "other", "out"))
    write(one, [record(1, "Mass", split=Split.TRAIN), record(1, image="1", split=Split.TEST)])
    write(other, [record(n, "Mass", dataset="brax") for n in range(50)])
    main([str(one), str(other), "--out", str(out)])
    written = read(out)
    assert len(written) == 51
    assert written == assign([*read(one), *read(other)])
    said = capsys.readouterr().out
    assert "later part too: 1" in said
    assert "Mass" in said


def test_the_command_takes_an_earlier_assignment_over_a_later_table(tmp_path):
    kept, new, out = (tmp_path / f"{name}.parquet" for name in ("kept", "new", "out"))
    moved = record(hashed(Split.TRAIN)[0], split=Split.TEST)
    write(kept, [moved])
    write(new, [record(hashed(Split.TRAIN)[0]), record(hashed(Split.TRAIN)[0], image="1")])
    main([str(kept), str(new), "--out", str(out)])
    assert [one.split for one in read(out)] == [Split.TEST, Split.TEST]


@pytest.mark.parametrize(
    ("table", "out", "says"),
    [("none.parquet", "out.parquet", "none.parquet"), ("t.parquet", "no/o", "no folder")],
)
def test_the_command_says_which_file_is_wrong(tmp_path, capsys, table, out, says):
    write(tmp_path / "t.parquet", [record(1)])
    with pytest.raises(SystemExit) as stopped:
        main([str(tmp_path / table), "--out", str(tmp_path / out)])
    assert stopped.value.code == 2
    assert says in capsys.readouterr().err
