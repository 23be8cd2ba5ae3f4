"""English: nouns, clauses and small words of the reports. See `lexicon.py` for what each table means."""

from typing import Final

from shared.domain.reports import Language
from shared.reporting.lexicon import Lexicon, Name, Organ, Symbol, Term, expand, word_set

_TERMS: Final = (
    Term("Atelectasis", (Name("atelectasis"), Name("atelectatic change")), also=("atelectatic changes",)),
    Term(
        "Cardiomegaly",
        (Name("cardiomegaly"), Name("cardiac enlargement")),
        also=(
            "enlarged heart",
            "enlarged cardiac silhouette",
            "enlargement of the (heart|cardiac silhouette)",
        ),
        present=("the heart is enlarged", "the cardiac silhouette is enlarged"),
        uncertain=("the heart may be enlarged", "the cardiac silhouette may be enlarged"),
        absent=("the (heart|cardiac silhouette) is not enlarged",),
    ),
    Term("Effusion", (Name("pleural effusion", "a", "pleural effusions"), Name("pleural fluid"))),
    Term(
        "Infiltration",
        (Name("pulmonary infiltrate", "a", "pulmonary infiltrates"), Name("lung infiltration")),
        also=(
            "lung infiltrate",
            "lung infiltrates",
            "(pulmonary infiltration|infiltration|infiltrate|infiltrates)",
        ),
    ),
    Term("Mass", (Name("lung mass", "a", "lung masses"), Name("pulmonary mass", "a", "pulmonary masses"))),
    Term(
        "Nodule",
        (Name("lung nodule", "a", "lung nodules"), Name("pulmonary nodule", "a", "pulmonary nodules")),
        also=("nodule", "nodules"),
    ),
    Term("Pneumonia", (Name("pneumonia"),)),
    Term("Pneumothorax", (Name("pneumothorax", "a", "pneumothoraces"),)),
    Term(
        "Consolidation",
        (Name("consolidation"), Name("airspace consolidation")),
        also=("pulmonary consolidation", "lung consolidation", "consolidations"),
    ),
    Term("Edema", (Name("pulmonary edema"),), also=("pulmonary oedema", "lung edema", "edema", "oedema")),
    Term("Emphysema", (Name("emphysema"), Name("emphysematous change")), also=("emphysematous changes",)),
    Term(
        "Fibrosis",
        (Name("pulmonary fibrosis"), Name("fibrotic change")),
        also=("fibrosis", "lung fibrosis", "fibrotic changes"),
    ),
    Term("Pleural_Thickening", (Name("pleural thickening"), Name("thickening of the pleura"))),
    Term("Hernia", (Name("diaphragmatic (hiatal) hernia", "a"),), also=("(diaphragmatic|hiatal) hernia",)),
    Term(
        "Enlarged_Cardiomediastinum",
        (Name("enlarged cardiomediastinal silhouette", "an"), Name("cardiomediastinal enlargement")),
        present=("the cardiomediastinal silhouette is enlarged",),
        uncertain=("the cardiomediastinal silhouette may be enlarged",),
        absent=("the cardiomediastinal silhouette is not enlarged",),
    ),
    Term(
        "Lung_Opacity",
        (Name("lung opacity", "a", "lung opacities"), Name("pulmonary opacity", "a", "pulmonary opacities")),
        also=("opacity", "opacities", "airspace opacity", "airspace opacities"),
    ),
    Term(
        "Lung_Lesion",
        (Name("lung lesion", "a", "lung lesions"), Name("pulmonary lesion", "a", "pulmonary lesions")),
    ),
    Term(
        "Fracture",
        (Name("fracture", "a", "fractures"), Name("bone fracture", "a", "bone fractures")),
        also=("bony fracture", "osseous fracture"),
    ),
    Term(
        "Support_Devices",
        (Name("support device", "a", "support devices"), Name("medical device", "a", "medical devices")),
        present=("(a|) support device is in place", "support devices are in place"),
    ),
    Term(
        "Pleural_Other",
        (Name("pleural abnormality", "a", "pleural abnormalities"), Name("abnormality of the pleura", "an")),
    ),
    Term("COVID-19", (Name("COVID-19 pneumonia"),), also=("covid 19", "covid pneumonia")),
    Term("Tuberculosis", (Name("pulmonary tuberculosis"), Name("tuberculosis"))),
    Term(
        "Foreign_Object",
        (Name("foreign object", "a", "foreign objects"), Name("foreign body", "a", "foreign bodies")),
        also=("(radiopaque|radio opaque|metallic|external) foreign (object|objects|body|bodies)",),
    ),
)

_SEEN: Final = "seen|identified|noted|demonstrated|detected|evident|visible|visualized|shown|found|observed"
_SMALL: Final = {
    Symbol.NO: (
        "(there is|there are|) no",
        "(there is|there are|) no (radiographic|) evidence of",
        "(there is|there are|) no sign of",
        "(there are|) no signs of",
        "negative for",
        "neither",
        "absence of",
    ),
    Symbol.WITHOUT: ("without", "without (radiographic|) evidence of"),
    Symbol.MAYBE_BEFORE: (
        "(a|) (possible|probable|likely|suspected|questionable|equivocal)",
        "(possibly|probably)",
        "there may be",
        "there might be",
        "suspicion of",
        "suspicious for",
        "suggestive of",
        "cannot exclude",
    ),
    Symbol.MAYBE_AFTER: (
        "(is|are) (possible|probable|likely|suspected|questionable|equivocal)",
        "(is|are) (not excluded|uncertain|in question)",
        "(may|might) be present",
        "(cannot|can not) be (excluded|ruled out)",
        "(is|are) (possibly|probably) present",
    ),
    Symbol.ABSENT_AFTER: (f"(is|are) not (present|{_SEEN})", "(is|are) absent"),
    Symbol.PRESENT_AFTER: (f"(is|are) (present|{_SEEN})", "present", "detected"),
    Symbol.THERE_IS: (
        "(there is|there are)",
        "(there is|there are) (radiographic|) evidence of",
        "the (radiograph|image|study) (shows|demonstrates)",
    ),
    Symbol.AND: ("and", "as well as"),
    Symbol.OR: ("or", "nor"),
    Symbol.BUT: ("but", "however", "although", "while"),
    Symbol.COMMA: (",",),
    Symbol.SEMICOLON: (";",),
    Symbol.SILENT: (
        "a",
        "an",
        "the",
        "in the (lungs|chest|thorax)",
        "(on|in) (this|the) (radiograph|image|study|examination|chest radiograph)",
    ),
}

_HEADINGS: Final = {
    Organ.LUNGS: "Lungs",
    Organ.PLEURA: "Pleura",
    Organ.HEART: "Heart and mediastinum",
    Organ.BONES: "Bones",
    Organ.DEVICES: "Devices",
}
_STRANGE: Final = {
    "normality, which no label is": word_set(
        "clear normal normally unremarkable abnormality abnormalities abnormal disease process other further "
        "else finding findings limits",
    ),
    "side or zone": word_set(
        "left right bilateral bilaterally unilateral both base bases basal basilar apex apical "
        "upper lower middle lobe lobes zone zones retrocardiac perihilar hilar hilum lateral "
        "medial central peripheral lingula hemithorax costophrenic",
    ),
    "comparison with a prior": word_set(
        "prior priors previous previously unchanged stable stability new newly interval increased "
        "decreased improved improving improvement worsened worsening progression progressed "
        "resolved resolution resolving compared comparison again persistent persists since change "
        "changed larger smaller earlier",
    ),
    "measurement": word_set(
        "cm mm centimeter centimeters millimeter millimeters measures measuring ratio",
    ),
    "severity": word_set(
        "mild mildly moderate moderately severe severely small large tiny trace massive minimal "
        "extensive marked subtle slight slightly huge tension acute chronic",
    ),
    "device": word_set(
        "tube catheter pacemaker line picc port wire wires lead leads clip clips stent valve "
        "drain endotracheal nasogastric tracheostomy prosthesis sternotomy",
    ),
    "patient data": word_set(
        "patient year years old man woman male female mr mrs ms history dr doctor name hospital",
    ),
    "recommendation": word_set(
        "recommend recommended recommends suggest suggested follow ct mri biopsy ultrasound "
        "repeat antibiotics consider considered advised refer urgent immediately treatment",
    ),
    "talk": word_set(
        "i we you ai assistant sorry please sure here model language note help hope",
    ),
}


def _all(patterns: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(text for pattern in patterns for text in expand(pattern))


ENGLISH: Final = Lexicon(
    language=Language.ENGLISH,
    terms={term.label: term for term in _TERMS},
    headings=_HEADINGS,
    critical="Critical finding",
    small={symbol: _all(patterns) for symbol, patterns in _SMALL.items()},
    strange=_STRANGE,
)
