package cloud

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"cogweave/core"
	"cogweave/fetch/store"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/sas"
)

// azureServer is a storage account.
type azureServer struct{ endpoint *url.URL }

const (
	azureVersion = "2021-12-02"
	azureScope   = "https://storage.azure.com/.default"
	emulator     = "http://127.0.0.1:10000/devstoreaccount1"
	// The emulator's account and key, which are the same everywhere and public.
	emulatorAccount = "devstoreaccount1"
	emulatorKey     = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)

func newAzure(at location, set options) (server, error) {
	endpoint, account := set["endpoint"], accountOf(at, set)
	switch {
	case endpoint != "":
	case set.is("use_emulator"):
		endpoint = emulator
	case account == "":
		return nil, invalid("%s: no account is named: set account_name in storage=, or AZURE_STORAGE_ACCOUNT_NAME, or write abfs://container@account.dfs.core.windows.net", at.name())
	default:
		endpoint = "https://" + account + ".blob." + at.suffix
	}
	u, err := endpointURL(endpoint)
	return &azureServer{endpoint: u}, err
}

// accountOf is the account of an object: the href's, else the one in the settings.
func accountOf(at location, set options) string {
	switch {
	case at.account != "":
		return at.account
	case set["account_name"] == "" && set.is("use_emulator"):
		return emulatorAccount
	}
	return set["account_name"]
}

func (s *azureServer) region() string { return "" }

func (s *azureServer) locate(at location, _ string) *url.URL {
	return objectURL(s.endpoint, at.bucket+"/"+at.key, at.query)
}

func (s *azureServer) sign(_ context.Context, u *url.URL, header http.Header, c *credential, _ string) error {
	if strings.Contains(u.RawQuery, "sig=") {
		return nil // signed by the catalog, which says by which version
	}
	header.Set("X-Ms-Version", azureVersion)
	switch {
	case c == nil:
	case c.SAS != "":
		u.RawQuery = strings.TrimPrefix(u.RawQuery+"&"+strings.TrimPrefix(c.SAS, "?"), "&")
	case c.Token != "":
		if u.Scheme != "https" {
			return &store.Fault{Class: core.AccessDenied, Reason: "Signature", Message: "a bearer token is not sent over http"}
		}
		header.Set("Authorization", "Bearer "+c.Token)
	}
	return nil
}

func (s *azureServer) moved(*http.Response, string) bool { return false }

// sharedKey signs with an account's key. A signature for reading all of a container is made once, and
// used for its hour: requests cost no cryptography.
func sharedKey(account, key, container string) (*credential, error) {
	bad := core.Errorf(core.InvalidArgument, "Storage", "the key of the Azure account %s is not base64", account)
	keys, err := azblob.NewSharedKeyCredential(account, key)
	if err != nil {
		return nil, bad
	}
	until := time.Now().UTC().Add(time.Hour)
	signed, err := sas.BlobSignatureValues{
		Protocol: sas.ProtocolHTTPSandHTTP, ExpiryTime: until, ContainerName: container,
		Permissions: (&sas.ContainerPermissions{Read: true}).String(),
	}.SignWithSharedKey(keys)
	if err != nil {
		return nil, bad
	}
	return &credential{SAS: signed.Encode(), expires: until}, nil
}

// azureCredential looks for what the environment has for an account: its key or a signature, then
// whoever may get a token, as Azure's own tools do.
func azureCredential(ctx context.Context, at location, set options, env Environment, via http.RoundTripper) (*credential, error) {
	account := accountOf(at, set)
	if account == env.options(azure)["account_name"] {
		if key := env.first("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_ACCESS_KEY", "AZURE_STORAGE_MASTER_KEY", "AZURE_STORAGE_KEY"); key != "" {
			return sharedKey(account, key, at.bucket)
		}
		if token := env.first("AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_SAS_KEY"); token != "" {
			return &credential{SAS: token}, nil
		}
	}
	if token := env["AZURE_STORAGE_TOKEN"]; token != "" {
		return &credential{Token: token}, nil
	}
	who := options{
		"client_id":            env.first("AZURE_STORAGE_CLIENT_ID", "AZURE_CLIENT_ID"),
		"client_secret":        env.first("AZURE_STORAGE_CLIENT_SECRET", "AZURE_CLIENT_SECRET"),
		"tenant_id":            env.first("AZURE_STORAGE_TENANT_ID", "AZURE_STORAGE_AUTHORITY_ID", "AZURE_TENANT_ID", "AZURE_AUTHORITY_ID"),
		"federated_token_file": env["AZURE_FEDERATED_TOKEN_FILE"],
		"authority_host":       set["authority_host"],
	}
	if set.is("use_azure_cli") || env.is("AZURE_USE_AZURE_CLI") {
		who["use_azure_cli"] = "true"
	}
	return azureToken(ctx, who, via, env.first("IDENTITY_ENDPOINT", "MSI_ENDPOINT", "AZURE_MSI_ENDPOINT") != "")
}

// azureToken gets a token from Azure's directory; nil where nothing says who asks.
func azureToken(ctx context.Context, who options, via http.RoundTripper, managed bool) (*credential, error) {
	client := azcore.ClientOptions{Transport: &http.Client{Transport: metadataTripper{via}}, Cloud: cloud.AzurePublic}
	if host := who["authority_host"]; host != "" {
		client.Cloud.ActiveDirectoryAuthorityHost = host
	}
	var chosen azcore.TokenCredential
	var err error
	switch {
	case who["client_secret"] != "":
		chosen, err = azidentity.NewClientSecretCredential(who["tenant_id"], who["client_id"], who["client_secret"],
			&azidentity.ClientSecretCredentialOptions{ClientOptions: client})
	case who["federated_token_file"] != "":
		chosen, err = azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{ClientOptions: client,
			ClientID: who["client_id"], TenantID: who["tenant_id"], TokenFilePath: who["federated_token_file"]})
	case who.is("use_azure_cli"):
		chosen, err = azidentity.NewAzureCLICredential(&azidentity.AzureCLICredentialOptions{TenantID: who["tenant_id"]})
	case managed || machine("Microsoft Corporation"):
		o := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: client}
		if who["client_id"] != "" {
			o.ID = azidentity.ClientID(who["client_id"])
		}
		chosen, err = azidentity.NewManagedIdentityCredential(o)
	default:
		return nil, nil
	}
	if err != nil {
		return nil, core.Errorf(core.InvalidArgument, "Credentials", "the Azure credentials cannot be used: client_id, tenant_id and client_secret belong together")
	}
	guessed := who["client_secret"] == "" && who["federated_token_file"] == "" && !who.is("use_azure_cli") && !managed
	if guessed {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, metadataWait)
		defer stop()
	}
	token, err := chosen.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{azureScope}})
	if err != nil && guessed {
		return nil, nil // not every machine of Microsoft's make is in Azure, or has an identity
	}
	if err != nil {
		return nil, err
	}
	return &credential{Token: token.Token, expires: token.ExpiresOn}, nil
}
