//! The primitives as they are linked here, against published test cases.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

struct GcmCase {
    key: &'static str,
    nonce: &'static str,
    plaintext: &'static str,
    aad: &'static str,
    ciphertext: &'static str,
    tag: &'static str,
}

/// From `gcmEncryptExtIV256.rsp` of NIST's Cryptographic Algorithm Validation Program, one for
/// each of some lengths of plaintext and additional data.
const GCM: &[GcmCase] = &[
    GcmCase {
        key: "b52c505a37d78eda5dd34f20c22540ea1b58963cf8e5bf8ffa85f9f2492505b4",
        nonce: "516c33929df5a3284ff463d7",
        plaintext: "",
        aad: "",
        ciphertext: "",
        tag: "bdc1ac884d332457a1d2664f168c76f0",
    },
    GcmCase {
        key: "31bdadd96698c204aa9ce1448ea94ae1fb4a9a0b3c9d773b51bb1822666b8f22",
        nonce: "0d18e06c7c725ac9e362e1ce",
        plaintext: "2db5168e932556f8089a0622981d017d",
        aad: "",
        ciphertext: "fa4362189661d163fcd6a56d8bf0405a",
        tag: "d636ac1bbedd5cc3ee727dc2ab4a9489",
    },
    GcmCase {
        key: "78dc4e0aaf52d935c3c01eea57428f00ca1fd475f5da86a49c8dd73d68c8e223",
        nonce: "d79cf22d504cc793c3fb6c8a",
        plaintext: "",
        aad: "b96baa8c1c75a671bfb2d08d06be5f36",
        ciphertext: "",
        tag: "3e5d486aa2e30b22e040b85723a06e76",
    },
    GcmCase {
        key: "83688deb4af8007f9b713b47cfa6c73e35ea7a3aa4ecdb414dded03bf7a0fd3a",
        nonce: "0b459724904e010a46901cf3",
        plaintext: "33d893a2114ce06fc15d55e454cf90c3",
        aad: "794a14ccd178c8ebfd1379dc704c5e208f9d8424",
        ciphertext: "cc66bee423e3fcd4c0865715e9586696",
        tag: "0fb291bd3dba94a1dfd8b286cfb97ac5",
    },
    GcmCase {
        key: "5f671466378f470ba5f5160e2209f3d95a48b7e560625d5a08654414de23aee2",
        nonce: "6b3c08a663d04132243dd96c",
        plaintext: "c428592d9f8a7f107ec4d0df05",
        aad: concat!(
            "12965559c31d538f937bda6eee9c93b0387318dc5d9496fb1c3a0b9b978dbfebff2a5823",
            "974ee9d679834dbe59f7ec51",
        ),
        ciphertext: "1d8d7fe4357080c817303ce19c",
        tag: "e88d6b566fdc7b4fd62106bd2eb806ec",
    },
    GcmCase {
        key: "148579a3cbca86d5520d66c0ec71ca5f7e41ba78e56dc6eebd566fed547fe691",
        nonce: "b08a5ea1927499c6ecbfd4e0",
        plaintext: concat!(
            "9d0b15fdf1bd595f91f8b3abc0f7dec927dfd4799935a1795d9ce00c9b879434420fe42c",
            "275a7cd7b39d638fb81ca52b49dc41",
        ),
        aad: concat!(
            "e4f963f015ffbb99ee3349bbaf7e8e8e6c2a71c230a48f9d59860a29091d2747e01a5ca5",
            "72347e247d25f56ba7ae8e05cde2be3c97931292c02370208ecd097ef692687fecf2f419",
            "d3200162a6480a57dad408a0dfeb492e2c5d",
        ),
        ciphertext: concat!(
            "2097e372950a5e9383c675e89eea1c314f999159f5611344b298cda45e62843716f215f8",
            "2ee663919c64002a5c198d7878fd3f",
        ),
        tag: "adbecdb0d5c2224d804d2886ff9a5760",
    },
];

#[test]
fn gcm_is_that_of_nist() {
    for case in GCM {
        let [key, nonce, aad, tag] = [case.key, case.nonce, case.aad, case.tag].map(bytes);
        let (plaintext, ciphertext) = (bytes(case.plaintext), bytes(case.ciphertext));
        let cipher = Aes256Gcm::new_from_slice(&key).unwrap();
        let nonce: [u8; 12] = nonce.try_into().unwrap();
        let tag: [u8; 16] = tag.try_into().unwrap();

        let mut buffer = plaintext.clone();
        let made = cipher
            .encrypt_inout_detached(&nonce.into(), &aad, InOutBuf::from(buffer.as_mut_slice()))
            .unwrap();
        assert_eq!(buffer, ciphertext);
        assert_eq!(<[u8; 16]>::from(made), tag);

        let mut open = |tag: [u8; 16]| {
            buffer.copy_from_slice(&ciphertext);
            let inout = InOutBuf::from(buffer.as_mut_slice());
            cipher.decrypt_inout_detached(&nonce.into(), &aad, inout, &tag.into()).is_ok()
        };
        for bit in 0..128 {
            let mut flipped = tag;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(!open(flipped), "bit {bit} of the tag");
        }
        assert!(open(tag));
        assert_eq!(buffer, plaintext);
    }
}

/// The cases of RFC 5869, appendix A, for SHA-256: A.1, A.2 and A.3.
#[test]
fn hkdf_is_that_of_rfc_5869() {
    let range = |from: u8, to: u8| (from..=to).collect::<Vec<u8>>();
    let cases = [
        (
            vec![0x0b; 22],
            range(0x00, 0x0c),
            range(0xf0, 0xf9),
            "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf\
             34007208d5b887185865",
        ),
        (
            range(0x00, 0x4f),
            range(0x60, 0xaf),
            range(0xb0, 0xff),
            "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c\
             59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71\
             cc30c58179ec3e87c14c01d5c1f3434f1d87",
        ),
        (
            vec![0x0b; 22],
            vec![],
            vec![],
            "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d\
             9d201395faa4b61a96c8",
        ),
    ];
    for (ikm, salt, info, prk, okm) in cases {
        let (extracted, hkdf) = Hkdf::<Sha256>::extract(Some(&salt), &ikm);
        assert_eq!(extracted.as_slice(), bytes(prk));
        let mut expanded = vec![0; okm.len() / 2];
        hkdf.expand(&info, &mut expanded).unwrap();
        assert_eq!(expanded, bytes(okm));
    }
}

/// The second case of RFC 4231.
#[test]
fn hmac_is_that_of_rfc_4231() {
    let mut mac = Hmac::<Sha256>::new_from_slice(b"Jefe").unwrap();
    mac.update(b"what do ya want for nothing?");
    let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    assert_eq!(mac.finalize().into_bytes().as_slice(), bytes(expected));
}
