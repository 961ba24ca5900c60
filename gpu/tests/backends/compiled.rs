//! Shared libraries made of the CUDA kernels by g++. Also used by the tests of `novation-prover`.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// The kernels' sources, from any crate of the workspace.
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../gpu/cuda");

/// `libcuda.so` (the first name under which a driver is looked for) made of this file of `cuda/host` and all that it includes, in a folder of its own, compiled unless it is
/// there already. Without g++ the tests that need it are skipped and say so, unless `NOVATION_REQUIRE_TOOLS=1`, as in CI.
pub fn compiled(main: &str) -> Option<PathBuf> {
    if Command::new("g++").arg("--version").output().is_err() {
        const MISSING: &str = "no g++: the CUDA kernels are not tested";
        assert!(std::env::var_os("NOVATION_REQUIRE_TOOLS").is_none_or(|value| value != "1"), "{MISSING}");
        println!("skipped: {MISSING}");
        return None;
    }
    let mut hasher = DefaultHasher::new();
    main.hash(&mut hasher);
    for folder in ["", "host"] {
        let folder = Path::new(SOURCES).join(folder);
        let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
        files.sort();
        for file in files.iter().filter(|f| f.is_file() && f.extension().is_some_and(|e| e != "cubin" && e != "ptx")) {
            std::fs::read(file).unwrap().hash(&mut hasher);
        }
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cuda-{:016x}", hasher.finish()));
    let library = folder.join("libcuda.so");
    // One compilation at a time in this process.
    static COMPILER: Mutex<()> = Mutex::new(());
    let _guard = COMPILER.lock().unwrap();
    if !library.exists() {
        std::fs::create_dir_all(&folder).unwrap();
        // Another process may do the same: whoever renames last wins, with the same content.
        let fresh = folder.join(format!("{}.tmp", std::process::id()));
        let output = Command::new("g++")
            .args(["-std=c++17", "-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-o"])
            .arg(&fresh)
            .arg(Path::new(SOURCES).join("host").join(main))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        std::fs::rename(&fresh, &library).unwrap();
    }
    Some(library)
}

/// Set in the process that a test starts with the emulated driver.
const CHILD: &str = "NOVATION_FAKE_CUDA_CHILD";

/// Runs `body` in a process of its own in which the CUDA driver is the emulated one, under these settings of it. `test` is
/// the full name of the test that calls this: the process runs that test again, and lands here. Returns what that process
/// printed; `None` inside it, and where g++ is absent.
pub fn with_emulated_driver(test: &str, settings: &[(&str, &str)], body: impl FnOnce()) -> Option<String> {
    if std::env::var_os(CHILD).is_some() {
        body();
        return None;
    }
    let library = compiled("driver.cpp")?;
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, "1")
        .env("LD_LIBRARY_PATH", library.parent().unwrap())
        .env_remove("NOVATION_CUDA_DEVICE")
        .envs(settings.iter().copied())
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("1 passed"), "{out}\n{err}");
    Some(out.into_owned())
}
