//! Seam. The laws of failing: the right kind, the same text, and no false absence.

use super::{Fault, Fixture, Law, LawBroken, MARKER, Provoked, look};
use crate::{ErrorKind, Provider, ProviderError};

/// Provokes each fault that the backend can have; answers which.
pub(super) async fn kinds(
    provider: &dyn Provider,
    fixture: &dyn Fixture,
) -> Result<Vec<Fault>, LawBroken> {
    let value = format!("{MARKER} after the fault").into_bytes();
    let key = fixture.store("law-faults/a", &value).await;
    let mut provoked = Vec::new();
    for fault in Fault::ALL {
        let Some(setting) = fixture.provoke(fault).await else {
            continue;
        };
        let outcome = one(fault, &setting, fixture).await;
        fixture.mend(fault).await;
        outcome?;
        look::reads_as(Law::Kinds, provider, fixture, &key, &value).await?;
        provoked.push(fault);
    }
    Ok(provoked)
}

async fn one(fault: Fault, setting: &Provoked, fixture: &dyn Fixture) -> Result<(), LawBroken> {
    let provider = &*setting.provider;
    look::secret(&format!("{provider:?}"))?;
    let first = failure(fault, setting).await?;
    let second = failure(fault, setting).await?;
    if first.public() != second.public() {
        let seen = format!("{fault:?}: {first:?}, then {second:?}");
        return Err(LawBroken::new(Law::Stability, seen));
    }
    if !fault.strikes_all() {
        return Ok(());
    }
    if let Some(find) = fixture.find("law-faults") {
        match provider.list(&find).await {
            Err(error) => look::error(&error)?,
            Ok(listing) if !listing.complete => {}
            Ok(listing) => {
                let seen = format!("{fault:?}: {listing:?}");
                return Err(LawBroken::new(Law::NoFalseAbsence, seen));
            }
        }
    }
    if let Err(error) = provider.validate().await {
        look::error(&error)?;
    }
    Ok(())
}

/// The failure of one read, of the right kind.
async fn failure(fault: Fault, setting: &Provoked) -> Result<ProviderError, LawBroken> {
    let keys = std::slice::from_ref(&setting.key);
    let mut answers = look::fetch(&*setting.provider, keys).await?;
    match answers.pop() {
        Some(Err(error)) if fault.is_reported_as(error.kind()) => Ok(error),
        other => {
            let law = match (&other, fault) {
                (Some(Err(error)), Fault::MissingKey | Fault::MissingVersion)
                    if error.kind() != ErrorKind::NotFound =>
                {
                    Law::Missing
                }
                _ => Law::Kinds,
            };
            let seen = format!("{fault:?} was answered with {other:?}");
            Err(LawBroken::new(law, seen))
        }
    }
}
