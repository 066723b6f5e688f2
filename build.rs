//! Compiles the proto definitions, without `protoc`, and generates the Rust code from them.

use std::path::PathBuf;
use std::{env, error, fs};

const FILES: [&str; 11] = [
    "waxseal/v1/access.proto",
    "waxseal/v1/audit.proto",
    "waxseal/v1/environment.proto",
    "waxseal/v1/errors.proto",
    "waxseal/v1/key.proto",
    "waxseal/v1/payload.proto",
    "waxseal/v1/project.proto",
    "waxseal/v1/runtime.proto",
    "waxseal/v1/secret.proto",
    "waxseal/v1/slot.proto",
    "waxseal/v1/view.proto",
];

#[expect(clippy::disallowed_methods, reason = "cargo speaks to build scripts by the environment")]
fn main() -> Result<(), Box<dyn error::Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=proto/google");
    println!("cargo:rerun-if-changed=proto/waxseal");

    let mut compiler = protox::Compiler::new(["proto"])?;
    // The comments stay in, for the generated code and for those who read them by reflection.
    compiler.include_imports(true).include_source_info(true).open_files(FILES)?;
    let out_dir = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    fs::write(out_dir.join("waxseal.v1.binpb"), compiler.encode_file_descriptor_set())?;

    tonic_prost_build::configure()
        // Their `Debug` is written by hand in proto/lib.rs: neither values nor what people and
        // agents wrote around them print.
        .skip_debug([
            "waxseal.v1.CreateApiTokenResponse",
            "waxseal.v1.ImportProjectRequest",
            "waxseal.v1.InitializeResponse",
            "waxseal.v1.ParseReferencesRequest",
            "waxseal.v1.RenderTemplatesRequest",
            "waxseal.v1.RenderedTemplate",
            "waxseal.v1.SecretPayload",
            "waxseal.v1.Template",
        ])
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
