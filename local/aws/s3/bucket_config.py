"""A bucket's sub-resources: what a client put comes back byte for byte; what nobody put has S3's default or error."""

from __future__ import annotations

from local.aws.s3.errors import S3Error

_NS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
_OWNER = f"<Owner><ID>{'0' * 64}</ID><DisplayName>local</DisplayName></Owner>"
ACL = (
    f"<AccessControlPolicy {_NS}>{_OWNER}<AccessControlList><Grant>"
    '<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser">'
    f"<ID>{'0' * 64}</ID><DisplayName>local</DisplayName></Grantee><Permission>FULL_CONTROL</Permission>"
    "</Grant></AccessControlList></AccessControlPolicy>"
)

# Sub-resource in the query string -> the default document, or the code of the error when there is none.
DEFAULTS: dict[str, str | S3Error] = {
    "accelerate": f"<AccelerateConfiguration {_NS}/>",
    "acl": ACL,
    "cors": S3Error("NoSuchCORSConfiguration"),
    "encryption": f"<ServerSideEncryptionConfiguration {_NS}><Rule><ApplyServerSideEncryptionByDefault>"
    "<SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault><BucketKeyEnabled>false"
    "</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>",
    "lifecycle": S3Error("NoSuchLifecycleConfiguration"),
    "logging": f"<BucketLoggingStatus {_NS}/>",
    "notification": f"<NotificationConfiguration {_NS}/>",
    "object-lock": S3Error("ObjectLockConfigurationNotFoundError"),
    "ownershipControls": f"<OwnershipControls {_NS}><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule>"
    "</OwnershipControls>",
    "policy": S3Error("NoSuchBucketPolicy"),
    "policyStatus": f"<PolicyStatus {_NS}><IsPublic>false</IsPublic></PolicyStatus>",
    "publicAccessBlock": f"<PublicAccessBlockConfiguration {_NS}><BlockPublicAcls>true</BlockPublicAcls>"
    "<IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicPolicy>true</BlockPublicPolicy>"
    "<RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>",
    "replication": S3Error("ReplicationConfigurationNotFoundError"),
    "requestPayment": f"<RequestPaymentConfiguration {_NS}><Payer>BucketOwner</Payer></RequestPaymentConfiguration>",
    "tagging": S3Error("NoSuchTagSet"),
    "versioning": f"<VersioningConfiguration {_NS}/>",
    "website": S3Error("NoSuchWebsiteConfiguration"),
}
READ_ONLY = frozenset({"policyStatus"})
REFUSED = frozenset({"object-lock", "replication"})  # kept but not acted upon would be a promise that is not held


def default(name: str) -> bytes:
    """The document of a bucket on which nobody set it.

    Raises:
        S3Error: S3 answers with an error then.
    """
    found = DEFAULTS[name]
    if isinstance(found, S3Error):
        raise S3Error(found.code)
    return found.encode()
