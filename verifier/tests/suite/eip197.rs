//! The in-process L1's precompiles for BN254 (EIP-196, EIP-197) against the vectors of go-ethereum, gas included.

use crate::common::evm::{create, gas_meter, GAS_METER_OVERHEAD};
use crate::common::trapdoor::data_folder;
use alloy::network::TransactionBuilder;
use alloy::primitives::{hex, Address, Bytes, U256};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use novation_verifier::devnet::{Devnet, DevnetConfig};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Vector {
    input: String,
    expected: String,
    name: String,
    gas: u64,
}

async fn check(file: &str, precompile: u8) {
    let Some(folder) = data_folder("crypto/eip197_bn254") else { return };
    let path = folder.join(file);
    println!("  {}", path.display());
    let text = std::fs::read_to_string(&path).expect("file of the data folder");
    let vectors: Vec<Vector> = serde_json::from_str(&text).expect("a list of vectors");
    assert!(!vectors.is_empty());

    let devnet = Devnet::new(DevnetConfig::default());
    let provider = devnet.provider();
    let meter = create(&provider, devnet.signer(0).address(), &gas_meter(precompile)).await;
    for vector in vectors {
        let input: Bytes = hex::decode(&vector.input).expect("hex").into();
        let expected: Bytes = hex::decode(&vector.expected).expect("hex").into();
        let request = |to| TransactionRequest::default().with_to(to).with_input(input.clone());
        let direct = provider.call(request(Address::with_last_byte(precompile))).await.expect("a valid input");
        assert_eq!(direct, expected, "{}", vector.name);

        let metered = provider.call(request(meter)).await.expect("a valid input");
        let gas = U256::from_be_slice(&metered[..32]).to::<u64>() - GAS_METER_OVERHEAD;
        assert_eq!((gas, &metered[32..]), (vector.gas, &expected[..]), "{}", vector.name);
    }
}

#[tokio::test]
async fn point_addition_answers_the_published_vectors() {
    check("geth_bn256Add.json", 6).await;
}

#[tokio::test]
async fn scalar_multiplication_answers_the_published_vectors() {
    check("geth_bn256ScalarMul.json", 7).await;
}

#[tokio::test]
async fn pairing_answers_the_published_vectors() {
    check("geth_bn256Pairing.json", 8).await;
}
