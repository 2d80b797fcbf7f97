/** What the browser's authenticator says to a log-in's request. */
export async function askPasskey(options: unknown): Promise<unknown> {
  const given = options as { publicKey: PublicKeyCredentialRequestOptionsJSON };
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(given.publicKey);
  const credential = await navigator.credentials.get({ publicKey });
  return (credential as PublicKeyCredential).toJSON();
}

export const passkeysHere = typeof PublicKeyCredential !== "undefined" && "parseRequestOptionsFromJSON" in PublicKeyCredential;
