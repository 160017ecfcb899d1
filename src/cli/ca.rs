//! `rehearsal ca`: the certificate that clients have to trust, and how each is told so.

use super::{args::CaArgs, exit::Exit, output, settings::Surroundings};
use crate::tls::{Authority, AuthorityError, authority::MICROSOFTS_HOSTS};

/// Prints the certificate to standard output, so that it can be sent to a file, and the rest to standard error.
pub(super) fn run(args: &CaArgs) -> Exit {
    let data = match &args.data {
        Some(data) => Ok(data.clone()),
        None => Surroundings::read(args.config.config.as_deref()).map(Surroundings::data),
    };
    let data = match data {
        Ok(data) => data,
        Err(bad) => return output::complain(&bad.0, Exit::Usage),
    };
    let authority = match Authority::open(&data) {
        Ok(authority) => authority,
        Err(error @ AuthorityError::None { .. }) => {
            let text = format!(
                "error: {error}\n  fix: start 'rehearsal serve --tls' once with this data folder, or name another with \
                 --data.\n       A server with --ephemeral has an authority for its own life only: its certificate is in the \
                 ready line of --json."
            );
            return output::complain(&text, Exit::CouldNotStart);
        }
        Err(error) => return output::complain(&format!("error: {error}"), Exit::CouldNotStart),
    };
    let path = Authority::certificate_path(&data);
    let path = std::path::absolute(&path).unwrap_or(path).display().to_string();
    if args.path {
        output::print(&path);
        return Exit::Success;
    }
    output::tell(&how(&path));
    output::print(authority.certificate().trim_end());
    Exit::Success
}

fn how(path: &str) -> String {
    let hosts: Vec<String> = MICROSOFTS_HOSTS.iter().map(|host| format!("    127.0.0.1 {host}")).collect();
    format!(
        "The certificate of this machine's own authority is in\n  {path}\nNothing has been installed. Trust it where you \
         need it, for as long as you need it:\n\
         \n  Node      NODE_EXTRA_CA_CERTS={path} node app.js\
         \n  Python    REQUESTS_CA_BUNDLE={path} SSL_CERT_FILE={path} python app.py\
         \n  .NET      SSL_CERT_FILE={path} dotnet run            (Linux; elsewhere add it to the user's root store)\
         \n  Java      keytool -importcert -noprompt -alias rehearsal -file {path} -keystore trust.p12 -storepass changeit\
         \n            java -Djavax.net.ssl.trustStore=trust.p12 -Djavax.net.ssl.trustStorePassword=changeit ...\
         \n  curl      curl --cacert {path} ...\
         \n  rehearsal SSL_CERT_FILE={path} rehearsal healthcheck --url https://...\
         \n\nThe server's certificate is good for localhost, 127.0.0.1, ::1 and for Microsoft's own hosts. An app that has \
         those\nbuilt in can be led here by name, with the server on port 443, in the hosts file of a container or machine \
         for tests:\n{}\n",
        hosts.join("\n")
    )
}
