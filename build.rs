//! Compiles the plugin protocol in `proto/` without `protoc`.
fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(["proto/tfplugin5.proto", "proto/plugin.proto"], ["proto"])?;
    // The client half is for the tests, which speak to the provider as Terraform does.
    let mut build = tonic_prost_build::configure().build_transport(false);
    for package in ["tfplugin5", "plugin"] {
        build = build.client_mod_attribute(package, "#[cfg(test)]");
    }
    build.compile_fds(descriptors)?;
    Ok(())
}
