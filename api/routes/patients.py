"""Patients: all data of one are erased."""

from fastapi import APIRouter

from api.auth import Caller, MayWrite
from api.backend import BackendDep
from api.bodies.answers import problems
from api.bodies.patient import Erasure, ErasurePlea
from api.problems import Noun, not_found
from shared.domain.studies import TenantId
from shared.records import patients
from shared.records.patients import PatientId

router = APIRouter(prefix="/v1/patients", tags=["patients"])


@router.post("/erase", responses=problems(400, 404, 413, 415, 422), summary="Erase a patient")
def erase_patient(wanted: ErasurePlea, backend: BackendDep, caller: MayWrite) -> Erasure:
    """Erase every study of a patient, as `DELETE` erases one; asking again erases what has come since.

    The id stands in the body and not in the address: addresses are kept in the logs of proxies.
    """
    patient = PatientId(_tenant(wanted, caller), wanted.patient_id, wanted.issuer)
    if wanted.dry_run:
        found = patients.studies_of(backend.database, patient)
    else:
        found = patients.erase(backend.database, patient, actor=caller.actor)
    return Erasure(studies=len(found.studies), others=found.others)


def _tenant(wanted: ErasurePlea, caller: Caller) -> TenantId:
    if wanted.tenant_id is None:
        return caller.tenant_id
    if caller.sees not in {None, wanted.tenant_id}:
        raise not_found(Noun.TENANT)
    return TenantId(wanted.tenant_id)
