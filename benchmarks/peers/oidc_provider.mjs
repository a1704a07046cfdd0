// The peer: npm oidc-provider 9 with ES256 JWT access tokens, refresh rotation forced, its own in-memory store.
// PORT, FAMILIES from the environment. Prints one JSON line when it listens: {"refresh_tokens": [...]}.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import Provider from 'oidc-provider';

const port = Number(process.env.PORT);
const issuer = `http://127.0.0.1:${port}`;
const api = 'https://orders.example';
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

const provider = new Provider(issuer, {
  clients: [
    {
      id_token_signed_response_alg: 'ES256', client_id: 'machine', client_secret: process.env.SECRET, grant_types: ['client_credentials'],
      redirect_uris: [], response_types: [], token_endpoint_auth_method: 'client_secret_basic',
    },
    {
      client_id: 'web', client_secret: process.env.SECRET, grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: ['https://app.example/callback'], token_endpoint_auth_method: 'client_secret_basic',
      id_token_signed_response_alg: 'ES256',
    },
  ],
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256', kid: 'one' }] },
  cookies: { keys: [randomUUID()] },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  rotateRefreshToken: true,
  ttl: { AccessToken: 300, ClientCredentials: 300, IdToken: 300, RefreshToken: 86400, Grant: 86400 },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => api,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: 'orders.read orders.write', audience: api, accessTokenTTL: 300, accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
});

async function refreshToken(client) {
  const accountId = randomUUID();
  const grant = new provider.Grant({ accountId, clientId: client.clientId });
  grant.addOIDCScope('openid offline_access');
  grant.addResourceScope(api, 'orders.read');
  const token = new provider.RefreshToken({
    accountId, client, grantId: await grant.save(), scope: 'openid offline_access orders.read', resource: api,
    gty: 'authorization_code', claims: {}, authTime: Math.floor(Date.now() / 1000), expiresWithSession: false,
  });
  return token.save();
}

provider.listen(port, '127.0.0.1', async () => {
  const client = await provider.Client.find('web');
  const tokens = [];
  for (let i = 0; i < Number(process.env.FAMILIES); i += 1) tokens.push(await refreshToken(client));
  console.log(JSON.stringify({ refresh_tokens: tokens }));
});
