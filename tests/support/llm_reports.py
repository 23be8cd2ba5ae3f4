"""Correct reports and their mutations, in words of their own: nothing here reads the product's lexicon.

A `Case` is a request with the statements that a good report of it makes; mutations change the statements or
the text, and every one of them makes a report that must not be delivered.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from random import Random

from shared.domain.findings import Finding, FindingStatus, Place, Side, Zone
from shared.domain.reports import Departures, Language, Policy, ReportSections
from shared.reporting.certainty import Certainty
from shared.reporting.edits import edited
from shared.reporting.policies import refusals
from shared.reporting.relations import may_be_the_same
from shared.reporting.request import Prose, ReportRequest
from shared.reporting.verifier import grade
from shared.reporting.weighing import impression_of
from shared.reporting.wording import reworded

PRESENT, ABSENT, UNCERTAIN = FindingStatus.PRESENT, FindingStatus.ABSENT, FindingStatus.UNCERTAIN

NOUNS: Mapping[Language, Mapping[str, str]] = {
    Language.ENGLISH: {
        "Atelectasis": "atelectasis",
        "Cardiomegaly": "cardiomegaly",
        "Effusion": "pleural effusion",
        "Infiltration": "pulmonary infiltrate",
        "Mass": "pulmonary mass",
        "Nodule": "pulmonary nodule",
        "Pneumonia": "pneumonia",
        "Pneumothorax": "pneumothorax",
        "Consolidation": "consolidation",
        "Edema": "pulmonary edema",
        "Emphysema": "emphysema",
        "Fibrosis": "fibrosis",
        "Pleural_Thickening": "pleural thickening",
        "Hernia": "hiatal hernia",
        "Fracture": "fracture",
        "Lung_Opacity": "lung opacity",
        "Support_Devices": "support device",
        "Tuberculosis": "tuberculosis",
    },
    Language.SPANISH: {
        "Atelectasis": "atelectasia",
        "Cardiomegaly": "cardiomegalia",
        "Effusion": "derrame pleural",
        "Infiltration": "infiltrado pulmonar",
        "Mass": "masa pulmonar",
        "Nodule": "nódulo pulmonar",
        "Pneumonia": "neumonía",
        "Pneumothorax": "neumotórax",
        "Consolidation": "consolidación",
        "Edema": "edema pulmonar",
        "Emphysema": "enfisema",
        "Fibrosis": "fibrosis pulmonar",
        "Pleural_Thickening": "engrosamiento pleural",
        "Hernia": "hernia diafragmática",
        "Fracture": "fractura",
        "Lung_Opacity": "opacidad pulmonar",
        "Support_Devices": "dispositivo de soporte",
        "Tuberculosis": "tuberculosis",
    },
}
SAYS: Mapping[Language, Mapping[FindingStatus, tuple[str, ...]]] = {
    Language.ENGLISH: {
        PRESENT: (
            "{} is demonstrated.",
            "There is evidence of {}.",
            "The image shows {}.",
            "{} is visible.",
            "{}.",
        ),
        UNCERTAIN: ("Suspicion of {}.", "{} cannot be ruled out.", "{} may be present.", "Questionable {}."),
        ABSENT: ("No sign of {}.", "{} is not seen.", "Negative for {}.", "There is no {}.", "{} is absent."),
    },
    Language.SPANISH: {
        PRESENT: ("Se aprecia {}.", "Existe {}.", "La radiografía muestra {}.", "{}."),
        UNCERTAIN: ("No se descarta {}.", "Podría haber {}.", "Sospecha de {}.", "Probable {}."),
        ABSENT: ("No se aprecia {}.", "Ausencia de {}.", "No hay signos de {}.", "Sin {}."),
    },
}
PLACES: Mapping[Language, Mapping[Place, tuple[str, ...]]] = {
    Language.ENGLISH: {
        Place(Side.RIGHT): ("in the right hemithorax", "on the right side", "in the right lung"),
        Place(Side.LEFT): ("in the left hemithorax", "on the left"),
        Place(Side.BOTH): ("bilaterally", "in both lungs"),
        Place(Side.RIGHT, Zone.LOWER): ("in the right lower zone", "in the right lower lung"),
        Place(Side.LEFT, Zone.UPPER): ("in the left upper lung zone",),
        Place(Side.LEFT, Zone.APICAL): ("at the left lung apex", "in the left apex"),
        Place(Side.BOTH, Zone.BASAL): ("at both lung bases",),
        Place(None, Zone.MIDDLE): ("in the mid zone",),
    },
    Language.SPANISH: {
        Place(Side.RIGHT): ("en el hemitórax derecho", "a la derecha", "en el pulmón derecho"),
        Place(Side.LEFT): ("en el lado izquierdo", "a la izquierda"),
        Place(Side.BOTH): ("en ambos pulmones",),
        Place(Side.RIGHT, Zone.LOWER): ("en el campo inferior derecho", "en la zona inferior derecha"),
        Place(Side.LEFT, Zone.UPPER): ("en el campo pulmonar superior izquierdo",),
        Place(Side.LEFT, Zone.APICAL): ("en el ápice izquierdo",),
        Place(Side.BOTH, Zone.BASAL): ("en ambas bases pulmonares",),
        Place(None, Zone.MIDDLE): ("en la zona media",),
    },
}
_PLACED = 0.6
"""How often a label has a place."""
OTHER = {PRESENT: (ABSENT, UNCERTAIN), UNCERTAIN: (PRESENT, ABSENT), ABSENT: (PRESENT, UNCERTAIN)}


@dataclass(frozen=True, slots=True)
class Said:
    """One statement of a report."""

    label: str
    status: FindingStatus
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A request, and what a correct report of it says in its two sections."""

    request: ReportRequest
    findings: tuple[Said, ...]
    impression: tuple[Said, ...]
    seed: int

    @property
    def abnormal(self) -> tuple[Said, ...]:
        """What is present or uncertain."""
        return tuple(said for said in self.findings if said.status is not ABSENT)

    def prose(self) -> Prose:
        """Write the report that makes these statements; its hedges are put on the scale as any writer's."""
        random = Random(self.seed)
        findings, impression = (
            reworded(" ".join(_say(said, self.request.language, random) for said in section), self.request)
            for section in (self.findings, self.impression)
        )
        return Prose(findings, impression)


def verify(prose: Prose, request: ReportRequest) -> tuple[str, ...]:
    """Return why the strict policy refuses what was written."""
    return refusals(grade(prose, request), Policy.STRICT, Departures.REFUSE)


def departures(sections: ReportSections, request: ReportRequest) -> tuple[str, ...]:
    """Read a whole report again, as one that a person typed, and return what departs from the findings."""
    return edited(sections, request, warnings=(), earlier=()).warnings


def request_for(
    statuses: Mapping[str, FindingStatus],
    language: Language,
    *,
    study: str = "s",
    places: Mapping[str, Place] | None = None,
) -> ReportRequest:
    """Build a request with these statuses, and where they are."""
    level = {PRESENT: 0.95, UNCERTAIN: 0.45, ABSENT: 0.1}
    at = places or {}
    findings = tuple(
        Finding(
            label,
            level[status],
            threshold=0.5,
            uncertain_from=0.4,
            status=status,
            place=at.get(label),
        )
        for label, status in statuses.items()
    )
    return ReportRequest(seed=study, findings=findings, language=language)


def draw_case(seed: int) -> Case:
    """Draw a request with at least one abnormal label and one that the classifier does not know."""
    random = Random(seed)
    language = random.choice(tuple(Language))
    known = random.sample(sorted(NOUNS[language]), 14)
    statuses = dict.fromkeys(known, ABSENT)
    for label in random.sample(known, random.randint(1, 6)):
        statuses[label] = random.choice((PRESENT, UNCERTAIN))
    places = {
        label: random.choice(sorted(PLACES[language], key=repr))
        for label, status in statuses.items()
        if status is not ABSENT and random.random() < _PLACED
    }
    abnormal = tuple(
        Said(label, status, places.get(label)) for label, status in statuses.items() if status is not ABSENT
    )
    undeniable = may_be_the_same(said.label for said in abnormal)
    denied = [Said(label, ABSENT) for label in statuses if label not in undeniable]
    findings = [*abnormal, *random.sample(denied, min(len(denied), random.randint(1, 4)))]
    random.shuffle(findings)
    request = request_for(statuses, language, study=str(seed), places=places)
    return Case(request, tuple(findings), abnormal, seed)


def _say(said: Said, language: Language, random: Random) -> str:
    noun = NOUNS[language][said.label]
    if said.place is not None:
        noun = f"{noun} {random.choice(PLACES[language][said.place])}"
    text = random.choice(SAYS[language][said.status]).format(noun)
    return text[0].upper() + text[1:]


# Mutations of what is said: (case, random) -> a case whose report is wrong, or None where it does not apply.


def flip(case: Case, random: Random) -> Case:
    """Say another status of one label in FINDINGS: a negation or a hedge gained or lost."""
    at = random.randrange(len(case.findings))
    return replace(case, findings=_with_other_status(case.findings, at, random))


def flip_impression(case: Case, random: Random) -> Case:
    """Let the impression contradict the findings."""
    at = random.randrange(len(case.impression))
    return replace(case, impression=_with_other_status(case.impression, at, random))


def _with_other_status(said: tuple[Said, ...], at: int, random: Random) -> tuple[Said, ...]:
    wrong = replace(said[at], status=random.choice(OTHER[said[at].status]))
    return (*said[:at], wrong, *said[at + 1 :])


def drop(case: Case, random: Random) -> Case:
    """Leave a present or uncertain label out of FINDINGS."""
    gone = random.choice(case.abnormal)
    return replace(case, findings=tuple(said for said in case.findings if said != gone))


def drop_from_impression(case: Case, random: Random) -> Case:
    """Leave a label that it has to name out of IMPRESSION."""
    due = impression_of(case.request)
    gone = random.choice([said for said in case.impression if said.label in due])
    return replace(case, impression=tuple(said for said in case.impression if said != gone))


def invent(case: Case, random: Random) -> Case:
    """Speak of a label that the classifier does not know, in whatever way."""
    unknown = sorted(set(NOUNS[case.request.language]) - set(case.request.certainties()))
    made_up = Said(random.choice(unknown), random.choice((PRESENT, UNCERTAIN, ABSENT)))
    if random.random() < 0.5:
        return replace(case, findings=(*case.findings, made_up))
    return replace(case, impression=(*case.impression, made_up))


def invent_absent(case: Case, random: Random) -> Case:
    """State or suspect a label that is absent, in the impression only."""
    absent = case.request.labels(Certainty.NOT_DETECTED)
    made_up = Said(random.choice(absent), random.choice((PRESENT, UNCERTAIN)))
    return replace(case, impression=(*case.impression, made_up))


def swap_statuses(case: Case, random: Random) -> Case | None:
    """Exchange what is said of two labels."""
    first, second = random.sample(range(len(case.findings)), 2)
    said = list(case.findings)
    if said[first].status is said[second].status:
        return None
    said[first], said[second] = (
        replace(said[first], status=said[second].status),
        replace(said[second], status=said[first].status),
    )
    return replace(case, findings=tuple(said))


def move(case: Case, random: Random) -> Case:
    """Say another place of a label in FINDINGS: the other side or zone, or one where none is known."""
    return replace(case, findings=_moved(case, case.findings, random))


def move_in_impression(case: Case, random: Random) -> Case:
    """Do the same in IMPRESSION."""
    return replace(case, impression=_moved(case, case.impression, random))


def _moved(case: Case, said: tuple[Said, ...], random: Random) -> tuple[Said, ...]:
    at = random.choice([index for index, one in enumerate(said) if one.status is not ABSENT])
    known = said[at].place
    places = sorted(PLACES[case.request.language], key=repr)
    # What is left out is put in by rule: a wrong place says something that is not known.
    wrong = [place for place in places if not _within(place, known)]
    return (*said[:at], replace(said[at], place=random.choice(wrong)), *said[at + 1 :])


def _within(place: Place | None, known: Place | None) -> bool:
    if place is None:
        return True
    known_parts = (known.side, known.zone) if known else (None, None)
    return all(
        part in {None, other} for part, other in zip((place.side, place.zone), known_parts, strict=True)
    )


def swap_places(case: Case, random: Random) -> Case | None:
    """Exchange where two labels are."""
    placed = [at for at, said in enumerate(case.findings) if said.place is not None]
    if len(placed) < 2:
        return None
    first, second = random.sample(placed, 2)
    said = list(case.findings)
    if _within(said[first].place, said[second].place) and _within(said[second].place, said[first].place):
        return None
    said[first], said[second] = (
        replace(said[first], place=said[second].place),
        replace(said[second], place=said[first].place),
    )
    return replace(case, findings=tuple(said))


SAID_MUTATIONS: tuple[Callable[[Case, Random], Case | None], ...] = (
    flip,
    flip_impression,
    drop,
    drop_from_impression,
    invent,
    invent_absent,
    swap_statuses,
    move,
    move_in_impression,
    swap_places,
)

ADDED: Mapping[Language, Mapping[str, tuple[str, ...]]] = {
    Language.ENGLISH: {
        "lobe": (
            "Retrocardiac {}.",
            "{} in the lingula.",
            "{} is present in the left lower lobe.",
        ),
        "unclear side": ("Left and right {}.", "The {} lies on the right, not on the left."),
        "prior": (
            "{} is unchanged.",
            "Compared with the prior study, {} is seen.",
            "New {}.",
            "{} has increased since the last examination.",
        ),
        "measurement": ("{} measuring 2.3 cm.", "A 15 mm {} is seen.", "The cardiothoracic ratio is 0.62."),
        "severity": ("Large {}.", "There is mild {}.", "Severe {} is present."),
        "cause": (
            "{} due to heart failure.",
            "{} is consistent with malignancy.",
            "Findings suggest sepsis.",
        ),
        "device": (
            "An endotracheal tube is in place.",
            "A pacemaker is seen.",
            "The line ends in the right atrium.",
        ),
        "patient": ("The patient is a 67-year-old man.", "Mr Smith has {}.", "History of smoking."),
        "advice": (
            "CT is recommended.",
            "Start antibiotics.",
            "Follow-up in three months.",
            "Biopsy is advised.",
        ),
        "talk": (
            "As an AI language model, I cannot diagnose.",
            "I hope this helps.",
            "Sure, here is the report.",
        ),
        "anatomy": ("The trachea is midline.", "The hila are prominent.", "The bowel gas pattern is normal."),
        "normality": ("No acute cardiopulmonary abnormality.", "Normal chest radiograph."),
        "other language": ("Se observa neumotórax.", "Sin alteraciones."),
        "question": ("Is there {}?", "{}???", "Maybe {}, maybe not."),
        "unclear": (
            "No {}, {} is present.",
            "No {} and {}.",
            "Possible {} and {}.",
            "No suspected {}.",
            "Not without {}.",
            "No {} is possible.",
            "{} or {}.",
            "{} is not not seen.",
            "{} is seen and is not seen.",
            "{} is no longer seen.",
        ),
    },
    Language.SPANISH: {
        "lobe": (
            "{} retrocardíaco.",
            "{} en la língula.",
            "Hay {} en el lóbulo inferior izquierdo.",
        ),
        "unclear side": ("{} izquierdo y derecho.", "{} a la derecha, no a la izquierda."),
        "prior": (
            "{} sin cambios.",
            "En comparación con el estudio previo, se observa {}.",
            "Nuevo {}.",
            "{} ha aumentado desde el estudio anterior.",
        ),
        "measurement": ("{} de 2,3 cm.", "Se observa {} de 15 mm.", "El índice cardiotorácico es 0,62."),
        "severity": ("Gran {}.", "Hay {} leve.", "{} grave."),
        "cause": (
            "{} por insuficiencia cardíaca.",
            "{} compatible con malignidad.",
            "Hallazgos que sugieren sepsis.",
        ),
        "device": (
            "Tubo endotraqueal en posición.",
            "Se observa un marcapasos.",
            "La vía termina en la aurícula.",
        ),
        "patient": ("Paciente varón de 67 años.", "El señor García tiene {}.", "Antecedentes de tabaquismo."),
        "advice": (
            "Se recomienda TC.",
            "Iniciar antibióticos.",
            "Control en tres meses.",
            "Se aconseja biopsia.",
        ),
        "talk": (
            "Como modelo de lenguaje, no puedo diagnosticar.",
            "Espero que ayude.",
            "Claro, aquí está el informe.",
        ),
        "anatomy": (
            "La tráquea está centrada.",
            "Los hilios son prominentes.",
            "El patrón de gas es normal.",
        ),
        "normality": ("Sin alteraciones cardiopulmonares agudas.", "Radiografía de tórax normal."),
        "other language": ("There is a pneumothorax.", "No acute cardiopulmonary abnormality."),
        "question": ("¿Hay {}?", "{}???", "Quizás {}, quizás no."),
        "unclear": (
            "No se observa {}, {} está presente.",
            "No hay {} y {}.",
            "Posible {} y {}.",
            "No se observa posible {}.",
            "No sin {}.",
            "No hay {} es posible.",
            "{} o {}.",
            "Se descarta {}.",
            "Ya no se observa {}.",
            "No hay duda de {}.",
        ),
    },
}
"""Sentences that no report may hold, by kind; {} is filled with nouns of the request's own labels."""


def add_sentence(case: Case, kind: str, random: Random) -> Prose:
    """Put one forbidden sentence at the start or the end of a section of a correct report."""
    nouns = [NOUNS[case.request.language][said.label] for said in case.abnormal]
    pattern = random.choice(ADDED[case.request.language][kind])
    text = pattern.format(*(random.choice(nouns) for _ in range(pattern.count("{}"))))
    text = text[0].upper() + text[1:]
    good = case.prose()
    section = random.choice(("findings", "impression"))

    def added(before: str) -> str:
        return f"{text} {before}" if random.random() < 0.5 else f"{before} {text}"

    if section == "findings":
        return replace(good, findings=added(good.findings))
    return replace(good, impression=added(good.impression))


def spoil_text(case: Case) -> Iterator[tuple[str, Prose]]:
    """Yield what goes wrong when a language model goes on for too long or not long enough."""
    good = case.prose()
    sentence = good.findings.split(". ")[0].rstrip(".") + "."
    yield "looped", replace(good, findings=f"{good.findings} {sentence} {sentence} {sentence}")
    yield "cut off", replace(good, findings=good.findings.rstrip("."))
    yield "empty findings", replace(good, findings="")
    yield "empty impression", replace(good, impression=" ")
    yield "words run together", replace(good, impression=good.impression.replace(" ", "") + " x.")
    yield "struck through", replace(good, impression="".join(letter + "\u0336" for letter in good.impression))
    yield (
        "joined",
        replace(good, findings=good.findings.replace(". ", "."), impression=good.impression[:-1] + ".."),
    )


def any_report(seed: int) -> tuple[ReportRequest, Prose]:
    """Draw a report that may be right or wrong: words and statements changed by chance."""
    random = Random(seed)
    case = draw_case(random.randrange(1_000))
    if random.random() < 0.4:
        case = random.choice(SAID_MUTATIONS)(case, random) or case
    prose = case.prose()
    kinds = ("as it is", "as it is", "own hedges", "joined", "shuffled", "shortened", "doubled", "added")
    match random.choice(kinds):
        case "own hedges":
            own = [_say(said, case.request.language, random) for said in case.impression]
            prose = replace(prose, impression=" ".join(own))
        case "joined":
            at = random.choice((", ", "; ", " and ", " y "))
            prose = replace(prose, impression=prose.impression.replace(". ", at, 1))
        case "shuffled":
            parts = prose.impression.split(". ")
            prose = replace(prose, impression=". ".join(random.sample(parts, len(parts))))
        case "shortened":
            prose = replace(prose, impression=prose.impression.partition(". ")[0].strip(".") + ".")
        case "doubled":
            first = prose.findings.partition(". ")[0]
            prose = replace(prose, findings=f"{first}. {prose.findings}")
        case "added":
            prose = add_sentence(case, random.choice(sorted(ADDED[case.request.language])), random)
    return case.request, prose
