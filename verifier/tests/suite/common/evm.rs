//! Small contracts in bytecode, for tests of the chain itself.

use alloy::network::TransactionBuilder;
use alloy::primitives::{hex, Address, Bytes};
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::TransactionRequest;

/// Init code that returns `runtime` (shorter than 256 bytes).
pub fn init_code(runtime: &[u8]) -> Bytes {
    let length = u8::try_from(runtime.len()).expect("a short contract");
    // PUSH1 length, DUP1, PUSH1 10, PUSH0, CODECOPY, PUSH0, RETURN
    let mut code = hex!("60 00 80 60 0a 5f 39 5f f3 00").to_vec();
    code[1] = length;
    code.extend_from_slice(runtime);
    code.into()
}

/// Stores the first calldata word in slot 0 and logs it under the second as topic; reverts with the word if it is zero.
pub const RECORDER: [u8; 28] = hex!(
    // word = calldata[0]; mem[0] = word
    "5f 35 80 5f 52"
    // jump to the revert if word = 0
    "80 15 60 17 57"
    // slot 0 = word; LOG1(mem[0..32], topic = calldata[32]); RETURN(mem[0..32])
    "5f 55 60 20 35 60 20 5f a1 60 20 5f f3"
    // JUMPDEST; REVERT(mem[0..32])
    "5b 60 20 5f fd"
);

/// Calls the precompile `number` with its calldata and returns the gas that took, plus [`GAS_METER_OVERHEAD`], followed
/// by the precompile's answer.
pub fn gas_meter(number: u8) -> Vec<u8> {
    let mut code = hex!(
        // memory = calldata
        "36 5f 5f 37"
        // g0 = GAS; STATICCALL(gas, number, 0, calldatasize, 0, 0)
        "5a 5f 5f 36 5f 60 00 5a fa 50"
        // mem[0] = g0 - GAS; append what was returned; RETURN
        "5a 90 03 5f 52 3d 5f 60 20 3e 3d 60 20 01 5f f3"
    )
    .to_vec();
    code[10] = number;
    code
}

/// PUSH0 x3, CALLDATASIZE, PUSH1, GAS, warm STATICCALL (100), POP, GAS.
pub const GAS_METER_OVERHEAD: u64 = 3 * 2 + 2 + 3 + 2 + 100 + 2 + 2;

/// Creates a contract from an unlocked account.
pub async fn create(provider: &DynProvider, from: Address, runtime: &[u8]) -> Address {
    let request = TransactionRequest::default().with_from(from).with_deploy_code(init_code(runtime));
    let receipt = provider.send_transaction(request).await.expect("sent").get_receipt().await.expect("mined");
    assert!(receipt.status(), "{receipt:?}");
    receipt.contract_address.expect("a creation")
}
